/* The cost of loading a library, for a process that loads nothing else.
 *
 *     load FILE    prints ms */
#include "common.h"

#include <dlfcn.h>

int main(int argc, char **argv) {
    if (argc != 2)
        give_up("usage", "load FILE");
    double began = seconds_on(CLOCK_MONOTONIC);
    if (!dlopen(argv[1], RTLD_NOW | RTLD_LOCAL))
        give_up(argv[1], dlerror());
    printf("%.6f\n", (seconds_on(CLOCK_MONOTONIC) - began) * 1e3);
    return 0;
}
