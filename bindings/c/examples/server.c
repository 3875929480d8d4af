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
static const char *key_header;  /* NULL: the client's address is the key */
static int listener;

static uint64_t rounded_up_to_seconds(uint64_t ns) {
    return ns / 1000000000 + (ns % 1000000000 != 0);
}

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

static void answer(int client, const char *status, const char *headers, const char *body) {
    char response[1024];
    int length = snprintf(response, sizeof response,
                          "HTTP/1.1 %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n%s",
                          status, strlen(body), headers, body);
    send_all(client, response, (size_t)length);
}

static uint64_t wall_clock_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The answer that the decision calls for, with what a client needs to behave. */
static void answer_by(int client, const sluice_decision *decision, uint64_t now_ns) {
    char headers[512];
    int length = snprintf(headers, sizeof headers,
                          "X-RateLimit-Limit: %" PRIu64 "\r\nX-RateLimit-Remaining: %" PRIu64
                          "\r\nX-RateLimit-Reset: %" PRIu64 "\r\n",
                          decision->limit, decision->remaining,
                          rounded_up_to_seconds(now_ns + decision->reset_after_ns));
    if (decision->allowed) {
        answer(client, "200 OK", headers, "Hello.\n");
        return;
    }
    if (decision->retry_after_ns != SLUICE_NEVER) {
        length += snprintf(headers + length, sizeof headers - (size_t)length, "Retry-After: %" PRIu64 "\r\n",
                           rounded_up_to_seconds(decision->retry_after_ns));
    }
    snprintf(headers + length, sizeof headers - (size_t)length, "Cache-Control: no-store\r\n");
    answer(client, "429 Too Many Requests", headers, "Too many requests.\n");
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
        answer(client, "400 Bad Request", "", "That was no HTTP request.\n");
    } else if (status == 431) {
        answer(client, "431 Request Header Fields Too Large", "", "That is more than 8 KiB of headers.\n");
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
        answer(client, "401 Unauthorized", "", "The header that says who is asking is missing.\n");
        return;
    }
    const uint64_t now_ns = wall_clock_ns();
    sluice_decision decision;
    if (sluice_check(limiter, key, key_length, 1, &decision) != SLUICE_OK) {
        answer(client, "500 Internal Server Error", "", "This cannot happen.\n");
        return;
    }
    answer_by(client, &decision, now_ns);
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
    if (sluice_limiter_new(arguments[2], 100000, &limiter) != SLUICE_OK) {
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
    work(NULL); /* and never returns: a server that stops would free the limiter after its threads have ended */
}
