"""Asks each of its words, as `10.9.0.2:5000/tcp` or `[fd09::2]:5053/udp`, all at once, and prints a line for each: the
address that the server saw, or `-` if nobody answered. Patience in seconds stands first."""
import asyncio, sys


async def tcp(host, port):
    reader, writer = await asyncio.open_connection(host, port)
    answer = await reader.readline()
    writer.close()
    return answer.split()[0].decode() if answer else "-"


async def udp(host, port):
    loop = asyncio.get_running_loop()
    answer = loop.create_future()

    class Asker(asyncio.DatagramProtocol):
        def datagram_received(self, data, address):
            answer.done() or answer.set_result(data.split()[0].decode())

        def error_received(self, error):
            answer.done() or answer.set_exception(error)

    transport, _ = await loop.create_datagram_endpoint(Asker, remote_addr=(host, port))
    try:
        for _ in range(100):
            transport.sendto(b"ask")
            done, _ = await asyncio.wait([answer], timeout=0.2)
            if done:
                return answer.result()
    finally:
        transport.close()


async def ask(word, patience):
    socket, proto = word.rsplit("/", 1)
    host, port = socket.rsplit(":", 1)
    question = (tcp if proto == "tcp" else udp)(host.strip("[]"), int(port))
    try:
        return await asyncio.wait_for(question, patience)
    except (OSError, asyncio.TimeoutError):
        return "-"


async def main():
    patience = float(sys.argv[1])
    for answer in await asyncio.gather(*(ask(word, patience) for word in sys.argv[2:])):
        print(answer)


asyncio.run(main())
