// Asks Go's own resolver for each NAME TYPE, and prints a line: the data, or its words for that there are none.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
)

func ask(resolver *net.Resolver, name, kind string) (string, error) {
	if kind == "TXT" {
		texts, err := resolver.LookupTXT(context.Background(), name)
		return fmt.Sprintf("%d bytes", len(strings.Join(texts, ""))), err
	}
	family := map[string]string{"A": "ip4", "AAAA": "ip6"}[kind]
	addresses, err := resolver.LookupIP(context.Background(), family, name)
	var words []string
	for _, address := range addresses {
		words = append(words, address.String())
	}
	return strings.Join(words, " "), err
}

func main() {
	resolver := &net.Resolver{PreferGo: true}
	for at := 1; at+1 < len(os.Args); at += 2 {
		said, err := ask(resolver, os.Args[at], os.Args[at+1])
		var failure *net.DNSError
		if errors.As(err, &failure) {
			said = failure.Err
		}
		fmt.Println(said)
	}
}
