"""A name server for tests: UDP and TCP at ADDRESS port 53.

Answers A with ANSWER, TXT of big.* with 3,000 bytes (over UDP with TC alone), names of one label with NXDOMAIN, all else
with nothing. Names that begin with slow are answered once the file GO exists. Prints a line a question: transport, asker,
name, type.
"""
import os
import socket
import struct
import sys
import threading
import time

address, answer, go = sys.argv[1:4]


def question(query):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
        at += 1 + query[at]
    rr_type, = struct.unpack_from("!H", query, at + 1)
    return ".".join(labels), rr_type, query[12:at + 5]


def record(rr_type, data):
    return struct.pack("!HHHIH", 0xC00C, rr_type, 1, 60, len(data)) + data


def reply(query, transport, asker):
    name, rr_type, asked = question(query)
    print(transport, asker, name, rr_type, flush=True)
    while name.startswith("slow") and not os.path.exists(go):
        time.sleep(0.01)
    flags, records = 0x8180, []
    if "." not in name:
        flags |= 3
    elif rr_type == 1:
        records = [record(1, socket.inet_aton(answer))]
    elif rr_type == 16 and name.startswith("big."):
        if transport == "udp":
            flags |= 0x0200
        else:
            records = [record(16, (b"\xfa" + b"x" * 250) * 12)]
    return query[:2] + struct.pack("!HHHHH", flags, 1, len(records), 0, 0) + asked + b"".join(records)


def over_udp():
    while True:
        threading.Thread(target=answer_one, args=udp.recvfrom(65535), daemon=True).start()


def answer_one(query, peer):
    udp.sendto(reply(query, "udp", peer[0]), peer)


def over_tcp(connection, peer):
    with connection, connection.makefile("rb") as stream:
        while size := stream.read(2):
            answered = reply(stream.read(struct.unpack("!H", size)[0]), "tcp", peer[0])
            connection.sendall(struct.pack("!H", len(answered)) + answered)


udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind((address, 53))
tcp = socket.create_server((address, 53))
threading.Thread(target=over_udp, daemon=True).start()
print("listening", flush=True)
while True:
    threading.Thread(target=over_tcp, args=tcp.accept(), daemon=True).start()
