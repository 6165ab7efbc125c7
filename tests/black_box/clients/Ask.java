// Asks for each NAME TYPE, `InetAddress` if the first word is that, else JNDI, and prints a line: the data, or the name of
// the exception for that there are none.
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Hashtable;
import java.util.Map;
import javax.naming.NamingException;
import javax.naming.directory.Attribute;
import javax.naming.directory.DirContext;
import javax.naming.directory.InitialDirContext;

class Ask {
    static String address(String name, String type) throws UnknownHostException {
        for (InetAddress found : InetAddress.getAllByName(name)) {
            if (found instanceof Inet6Address == type.equals("AAAA")) return found.getHostAddress();
        }
        return "others alone";
    }

    static String record(DirContext dns, String name, String type) throws NamingException {
        Attribute found = dns.getAttributes(name, new String[] {type}).get(type);
        if (found == null) return "no attribute";
        String data = found.get().toString();
        if (!type.equals("TXT")) return data;
        return data.replaceAll("[\" ]", "").length() + " bytes";
    }

    public static void main(String[] words) throws NamingException {
        String factory = "com.sun.jndi.dns.DnsContextFactory";
        DirContext dns = new InitialDirContext(new Hashtable<>(Map.of("java.naming.factory.initial", factory)));
        for (int at = 1; at + 1 < words.length; at += 2) {
            try {
                boolean plain = words[0].equals("InetAddress");
                System.out.println(plain ? address(words[at], words[at + 1]) : record(dns, words[at], words[at + 1]));
            } catch (UnknownHostException | NamingException exception) {
                System.out.println(exception.getClass().getSimpleName());
            }
        }
    }
}
