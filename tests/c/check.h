/* What the tests in C and C++ share: a check that says where it failed. */
#ifndef CHECK_H
#define CHECK_H

#include <sluicegate.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void failed(const char *file, int line, const char *what) {
    char text[SLUICE_ERROR_TEXT_MAX];
    sluice_last_error(text, sizeof text);
    fprintf(stderr, "%s:%d: not so: %s\n(last error: %s)\n", file, line, what, text);
    exit(1);
}

#define CHECK(holds) ((holds) ? (void)0 : failed(__FILE__, __LINE__, #holds))

#endif
