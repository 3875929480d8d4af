/*
 * A small threaded HTTP server that answers 200 within the limit and 429 beyond it.
 *
 *     cc -pthread server.c -o server $(pkg-config --cflags --libs sluicegate)
 *     ./server 8080 "token-bucket 10/s burst=20"              # each client address has its own limit
 *     ./server 8080 "fixed-window 1000/h" X-Api-Key           # each value of the header has its own limit
 */

#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <inttypes.h>
#include <pthread.h>
#include <sluicegate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 16, LONGEST_HEAD = 8192, PATIENCE_S = 5 };

static sluice_limiter *limiter; /* one for all threads */
static sluice_quota *quota;     /* its policy, as answers tell of it */
static const char *key_header;  /* NULL: the client's address is the key */
static int listener;

static void send_all(int client, const char *text, size_t length) {
    while (length > 0) {
        ssize_t sent = send(client, text, length, MSG_NOSIGNAL);
        if (sent <= 0) {
            return; /* the client is gone */
        }
        text += sent;
        length -= (size_t)sent;
    }
}

static void answer(int client, const char *status, const char *headers, const char *type, const char *body) {
    char head[2048];
    int length = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n",
                          status, type, strlen(body), headers);
    send_all(client, head, (size_t)length);
    send_all(client, body, strlen(body));
}

static void answer_with_text(int client, const char *status, const char *text) {
    answer(client, status, "", "text/plain", text);
}

/* The answer that the decision calls for, in a form that the client has said it understands. */
static void answer_by(int client, const sluice_decision *decision, uint64_t now_ns, const char *accept, size_t accept_length) {
    const sluice_verdict verdict = {quota, decision, 1, NULL, 0};
    sluice_answer told = SLUICE_ANSWER_INIT;
    told.verdicts = &verdict;
    told.n = 1;
    told.now_unix_ns = now_ns;

    sluice_outcome outcome = SLUICE_OUTCOME_INIT;
    char headers[SLUICE_HEADER_LINES_MAX(1)], body[SLUICE_BODY_MAX(1)], status[64];
    uint32_t format = SLUICE_BODY_TEXT;
    size_t length;
    if (sluice_answer_outcome(&told, &outcome) != SLUICE_OK
        || sluice_answer_header_lines(&told, headers, sizeof headers, &length) != SLUICE_OK
        || sluice_body_from_accept(accept, accept_length, NULL, 0, &format) != SLUICE_OK
        || sluice_answer_body(&told, format, body, sizeof body, &length) != SLUICE_OK) {
        answer_with_text(client, "500 Internal Server Error", "This cannot happen.\n");
        return;
    }
    snprintf(status, sizeof status, "%" PRIu32 " %s", outcome.status, outcome.reason_phrase);
    if (outcome.allowed) {
        answer(client, status, headers, "text/plain", "Hello.\n");
    } else {
        answer(client, status, headers, sluice_body_content_type(format), body);
    }
}

/* Reads up to the empty line that ends a request's head: 0, or why not as an HTTP status, or -1 if nobody waits. */
static int read_head(int client, char *head) {
    const time_t deadline = time(NULL) + PATIENCE_S;
    size_t length = 0;
    while (length < LONGEST_HEAD) {
        ssize_t got = recv(client, head + length, LONGEST_HEAD - length, 0);
        if (got <= 0 || time(NULL) > deadline) {
            return -1;
        }
        length += (size_t)got;
        head[length] = 0;
        if (strlen(head) != length) {
            return 400;
        }
        char *end = strstr(head, "\r\n\r\n");
        if (end) {
            end[2] = 0;
            return strstr(head, " HTTP/1.") ? 0 : 400;
        }
    }
    return 431;
}

/* The value of a header in a request's head, without the blanks around it; NULL if it is not there. */
static const char *find_header(const char *head, const char *name, size_t *length) {
    const size_t name_length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line && line[2]; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, name_length) == 0 && line[2 + name_length] == ':') {
            const char *value = line + 2 + name_length + 1;
            value += strspn(value, " \t");
            *length = strcspn(value, "\r\n");
            while (*length > 0 && (value[*length - 1] == ' ' || value[*length - 1] == '\t')) {
                --*length;
            }
            return value;
        }
    }
    return NULL;
}

static void serve(int client, const struct sockaddr_in *peer) {
    char head[LONGEST_HEAD + 1];
    int status = read_head(client, head);
    if (status == 400) {
        answer_with_text(client, "400 Bad Request", "That was no HTTP request.\n");
    } else if (status == 431) {
        answer_with_text(client, "431 Request Header Fields Too Large", "That is more than 8 KiB of headers.\n");
    }
    if (status != 0) {
        return;
    }
    size_t key_length = sizeof peer->sin_addr;
    const void *key = &peer->sin_addr;
    if (key_header) {
        key = find_header(head, key_header, &key_length);
    }
    if (!key) {
        answer_with_text(client, "401 Unauthorized", "The header that says who is asking is missing.\n");
        return;
    }
    uint64_t now_ns;
    sluice_decision decision;
    if (sluice_now(limiter, &now_ns) != SLUICE_OK
        || sluice_check_at(limiter, key, key_length, 1, now_ns, &decision) != SLUICE_OK) {
        answer_with_text(client, "500 Internal Server Error", "This cannot happen.\n");
        return;
    }
    size_t accept_length = 0;
    const char *accept = find_header(head, "Accept", &accept_length);
    answer_by(client, &decision, now_ns, accept, accept_length);
}

/* Closes so that the answer arrives: what the client still sends is read and dropped, for a while. */
static void close_gently(int client) {
    const time_t deadline = time(NULL) + 1;
    char dropped[4096];
    shutdown(client, SHUT_WR);
    while (recv(client, dropped, sizeof dropped, 0) > 0 && time(NULL) <= deadline) {
    }
    close(client);
}

static void *work(void *unused) {
    (void)unused;
    for (;;) {
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;
        int client = accept(listener, (struct sockaddr *)&peer, &size);
        if (client < 0) {
            continue;
        }
        const struct timeval patience = {.tv_sec = PATIENCE_S};
        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        serve(client, &peer);
        close_gently(client);
    }
    return NULL;
}

static int listen_on(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const int yes = 1;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 128) != 0
        || getsockname(listener, (struct sockaddr *)&address, &size) != 0) {
        perror("cannot listen");
        return 1;
    }
    printf("listening on http://127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return 0;
}

int main(int count, char **arguments) {
    char *end = NULL;
    const unsigned long port = count < 3 ? 0 : strtoul(arguments[1], &end, 10);
    if (count < 3 || *end || end == arguments[1] || port > UINT16_MAX) {
        fprintf(stderr, "usage: %s PORT POLICY [HEADER], with a port from 0 to 65535\n", arguments[0]);
        return 2;
    }
    key_header = count > 3 ? arguments[3] : NULL;
    if (sluice_limiter_new(arguments[2], 100000, &limiter) != SLUICE_OK || sluice_quota_of("api", limiter, &quota) != SLUICE_OK) {
        char text[SLUICE_ERROR_TEXT_MAX];
        sluice_last_error(text, sizeof text);
        fprintf(stderr, "%s\n", text);
        return 2;
    }
    if (listen_on((uint16_t)port) != 0) {
        return 1;
    }
    for (int worker = 1; worker < WORKERS; worker++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, NULL) != 0) {
            perror("cannot start a thread");
            return 1;
        }
    }
    work(NULL); /* and never returns: a server that stops would free both after its threads have ended */
}
