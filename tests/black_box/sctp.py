"""SCTP without the kernel's: `serve` answers each INIT with an INIT ACK whose cookie says whom it saw and at which port,
`ask 10.9.0.2:5060` sends an INIT and prints that cookie, or how else it ended."""
import os, select, socket, struct, sys, time

SCTP, INIT, INIT_ACK, COOKIE = 132, 1, 2, 7


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def packet(source, target, to_tag, kind, tag, cookie=b""):
    parameter = struct.pack("!HH", COOKIE, 4 + len(cookie)) + cookie if cookie else b""
    chunk = struct.pack("!BBHIIHHI", kind, 0, 20 + len(parameter), tag, 65536, 1, 1, 1) + parameter
    chunk += b"\0" * (-len(chunk) % 4)
    head = struct.pack("!HHI", source, target, to_tag)
    return head + struct.pack("<I", crc32c(head + bytes(4) + chunk)) + chunk


def read(data, family):
    """Returns source, target, the tag it is for, the chunk's kind, its own tag and its cookie; none if the sum is wrong."""
    if family == socket.AF_INET:
        data = data[(data[0] & 15) * 4:]
    source, target, to_tag = struct.unpack("!HHI", data[:8])
    (found,) = struct.unpack("<I", data[8:12])
    kind, _, length, tag = struct.unpack("!BBHI", data[12:20])
    if found != crc32c(data[:8] + bytes(4) + data[12:]):
        return None
    return source, target, to_tag, kind, tag, data[36:12 + length].decode()


def serve():
    servers = [socket.socket(family, socket.SOCK_RAW, SCTP) for family in (socket.AF_INET, socket.AF_INET6)]
    print("ready", flush=True)
    while True:
        for server in select.select(servers, [], [])[0]:
            data, peer = server.recvfrom(2048)
            init = read(data, server.family)
            if init and init[3] == INIT:
                source, target, _, _, tag, _ = init
                saw = f"{peer[0]} {target}".encode()
                server.sendto(packet(target, source, tag, INIT_ACK, 9, saw), (peer[0], 0))


def ask(word, patience):
    address, port = word.rsplit(":", 1)
    address = address.strip("[]")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    client = socket.socket(family, socket.SOCK_RAW, SCTP)
    client.connect((address, 0))
    source, tag = 20000 + os.getpid() % 20000, 7
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        client.send(packet(source, int(port), 0, INIT, tag))
        while select.select([client], [], [], 0.2)[0]:
            ack = read(client.recv(2048), family)
            if ack and ack[:4] == (int(port), source, tag, INIT_ACK):
                return ack[5]
    return "silence"


if sys.argv[1] == "serve":
    serve()
try:
    print(ask(sys.argv[2], float(sys.argv[3])))
except OSError as error:
    print(type(error).__name__)
