/* Asks the C library for each NAME TYPE, and prints a line: the data, or its word for that there are none. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>

static const char *word(int failure) {
    switch (failure) {
    case EAI_NONAME: return "EAI_NONAME";
#ifdef EAI_NODATA
    case EAI_NODATA: return "EAI_NODATA";
#endif
    case EAI_AGAIN: return "EAI_AGAIN";
    case EAI_FAIL: return "EAI_FAIL";
    default: return "another failure";
    }
}

static void address(const char *name, int family) {
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM}, *found;
    int failure = getaddrinfo(name, 0, &hints, &found);
    if (failure) { puts(word(failure)); return; }
    char text[NI_MAXHOST] = "";
    getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof text, 0, 0, NI_NUMERICHOST);
    puts(found->ai_next ? "several" : text);
}

static void text(const char *name) {
    static unsigned char answer[65535];
    int length = res_query(name, 1, 16, answer, sizeof answer), bytes = 0;
    if (length < 0) { puts(h_errno == NO_DATA ? "NO_DATA" : "another failure"); return; }
    ns_msg message;
    if (ns_initparse(answer, length, &message)) { puts("nothing that can be read"); return; }
    for (int at = 0; at < ns_msg_count(message, ns_s_an); at++) {
        ns_rr record;
        if (ns_parserr(&message, ns_s_an, at, &record)) { puts("nothing that can be read"); return; }
        for (int place = 0; place < ns_rr_rdlen(record); place += 1 + ns_rr_rdata(record)[place])
            bytes += ns_rr_rdata(record)[place];
    }
    printf("%d bytes%s\n", bytes, answer[2] & 2 ? ", truncated" : "");
}

int main(int count, char **words) {
    for (int at = 1; at + 1 < count; at += 2) {
        if (!strcmp(words[at + 1], "TXT")) text(words[at]);
        else address(words[at], strcmp(words[at + 1], "A") ? AF_INET6 : AF_INET);
    }
    return 0;
}
