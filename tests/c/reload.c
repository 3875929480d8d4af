/* The shared library loaded, used by a thread and without one, with failures, and unloaded, over and over. */

#include <dlfcn.h>
#include <pthread.h>
#include <sluicegate.h>
#include <stdio.h>
#include <string.h>

static void *library;

/* A function pointer out of a data pointer, as POSIX has it. */
static void find(const char *name, void *function) {
    void *found = dlsym(library, name);
    memcpy(function, &found, sizeof found);
}

static void *use(void *unused) {
    (void)unused;
    __typeof__(sluice_limiter_new) *make;
    __typeof__(sluice_last_error) *last_error;
    __typeof__(sluice_check) *check;
    __typeof__(sluice_limiter_free) *give_back;
    find("sluice_limiter_new", &make);
    find("sluice_last_error", &last_error);
    find("sluice_check", &check);
    find("sluice_limiter_free", &give_back);

    sluice_limiter *limiter = NULL;
    sluice_decision decision;
    char text[SLUICE_ERROR_TEXT_MAX];
    size_t wrong = 0;
    wrong += make("nonsense", 10, &limiter) != SLUICE_ERR_POLICY;
    wrong += last_error(text, sizeof text) < 10;
    wrong += make("fixed-window 1/d", 10, &limiter) != SLUICE_OK;
    wrong += check(limiter, "k", 1, 1, &decision) != SLUICE_OK || !decision.allowed;
    give_back(limiter);
    return (void *)wrong;
}

int main(int count, char **arguments) {
    for (int round = 0; count == 2 && round < 50; round++) {
        library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
        if (!library) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        pthread_t thread;
        void *wrong;
        if (pthread_create(&thread, NULL, use, NULL) != 0 || pthread_join(thread, &wrong) != 0 || wrong || use(NULL)) {
            return 2;
        }
        if (dlclose(library) != 0) {
            return 3;
        }
    }
    return count == 2 ? 0 : 4;
}
