"""Asks dnspython for each NAME TYPE, and prints a line: the data, or the name of the exception for that there are none."""
import sys

import dns.exception
import dns.resolver

words = sys.argv[1:]
for name, rr_type in zip(words[::2], words[1::2]):
    try:
        found = dns.resolver.resolve(name, rr_type)
        if rr_type == "TXT":
            print(sum(len(text) for record in found for text in record.strings), "bytes")
        else:
            print(*found)
    except dns.exception.DNSException as exception:
        print(type(exception).__name__)
