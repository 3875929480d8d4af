/* Processes that share a table: by a file, by memory that fork inherits, by a limiter that fork inherits. */

#define _DEFAULT_SOURCE

#include "check.h"
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES = 4, KEYS = 100 };

static uint64_t limit;
static char policy[64];
static char directory[] = "/tmp/sluicegate-processes-XXXXXX";
static char path[64];
static void *region;
static size_t region_bytes;
static sluice_limiter *inherited;

static sluice_limiter *by_file(void) {
    sluice_limiter *limiter = NULL;
    CHECK(sluice_limiter_open(path, policy, KEYS, &limiter) == SLUICE_OK);
    return limiter;
}

static sluice_limiter *by_region(void) {
    sluice_limiter *limiter = NULL;
    CHECK(sluice_limiter_attach(region, region_bytes, policy, &limiter) == SLUICE_OK);
    return limiter;
}

static sluice_limiter *by_inheritance(void) {
    return inherited;
}

/* What one process is admitted, which asks for more than its share, one by one and in batches. */
static uint64_t admitted(const sluice_limiter *limiter, unsigned number) {
    uint64_t allowed = 0;
    sluice_decision decisions[2];
    const sluice_request requests[2] = {{"shared", 6, 1}, {"shared", 6, 1}};
    for (uint64_t turn = 0; turn < limit / 2; turn++) {
        if ((turn + number) % 3 == 0) {
            CHECK(sluice_check_many(limiter, requests, 2, decisions) == SLUICE_OK);
            allowed += decisions[0].allowed + decisions[1].allowed;
        } else {
            CHECK(sluice_check(limiter, "shared", 6, 1, decisions) == SLUICE_OK);
            allowed += decisions[0].allowed;
        }
    }
    return allowed;
}

/* What all processes are admitted together, each of which makes its limiter at the same time as the others. */
static uint64_t admitted_to_all(sluice_limiter *(*make)(void)) {
    int results[2], start[2];
    CHECK(pipe(results) == 0 && pipe(start) == 0);
    for (unsigned number = 0; number < PROCESSES; number++) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            char byte;
            close(start[1]);
            CHECK(read(start[0], &byte, 1) == 0);
            sluice_limiter *limiter = make();
            const uint64_t allowed = admitted(limiter, number);
            sluice_limiter_free(limiter);
            inherited = NULL;
            CHECK(write(results[1], &allowed, sizeof allowed) == sizeof allowed);
            exit(0);
        }
    }
    close(start[0]);
    close(start[1]); /* and off they go */
    uint64_t sum = 0, allowed;
    for (unsigned number = 0; number < PROCESSES; number++) {
        CHECK(read(results[0], &allowed, sizeof allowed) == sizeof allowed);
        sum += allowed;
    }
    for (unsigned number = 0; number < PROCESSES; number++) {
        int status;
        CHECK(wait(&status) > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    close(results[0]);
    close(results[1]);
    return sum;
}

static void expect(uint64_t sum) {
    if (sum != limit) {
        fprintf(stderr, "%llu taken of %llu\n", (unsigned long long)sum, (unsigned long long)limit);
        exit(1);
    }
}

/* The limiter's file gives way to one with another policy, and is removed. */
static void replace(void) {
    sluice_limiter *old = by_file(), *other = NULL;
    uint32_t current = 0;
    CHECK(sluice_limiter_is_current(old, &current) == SLUICE_OK && current == 1);
    sluice_options options = SLUICE_OPTIONS_INIT;
    options.max_keys = KEYS;
    CHECK(sluice_limiter_open_with(path, "token-bucket 1/d", &options, &other) == SLUICE_ERR_MISMATCH);
    options.replace = 1;
    CHECK(sluice_limiter_open_with(path, "token-bucket 1/d", &options, &other) == SLUICE_OK);
    CHECK(sluice_limiter_is_current(old, &current) == SLUICE_OK && current == 0);
    CHECK(sluice_limiter_is_current(other, &current) == SLUICE_OK && current == 1);
    sluice_decision decision;
    CHECK(sluice_check(other, "shared", 6, 1, &decision) == SLUICE_OK && !decision.allowed);
    CHECK(sluice_check(other, "fresh", 5, 1, &decision) == SLUICE_OK && decision.allowed);
    CHECK(unlink(path) == 0);
    CHECK(sluice_limiter_is_current(other, &current) == SLUICE_OK && current == 0);
    sluice_limiter_free(old);
    sluice_limiter_free(other);
}

int main(int count, char **arguments) {
    limit = count > 1 ? strtoull(arguments[1], NULL, 10) : 1000000;
    snprintf(policy, sizeof policy, "fixed-window %llu/3653d", (unsigned long long)limit);
    CHECK(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/table", directory);

    expect(admitted_to_all(by_file));
    sluice_limiter *late = by_file();
    CHECK(admitted(late, 0) == 0); /* the file keeps the state */
    sluice_limiter_free(late);
    replace();
    inherited = by_file();
    expect(admitted_to_all(by_inheritance));
    CHECK(admitted(inherited, 0) == 0);
    sluice_limiter_free(inherited);
    CHECK(unlink(path) == 0 && rmdir(directory) == 0);

    region_bytes = sluice_region_size(policy, KEYS);
    region = mmap(NULL, region_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(region_bytes > 0 && region != MAP_FAILED);
    expect(admitted_to_all(by_region));
    sluice_limiter *parents = by_region();
    CHECK(admitted(parents, 0) == 0);
    sluice_limiter_free(parents);
    CHECK(munmap(region, region_bytes) == 0);
    return 0;
}
