/* The cost of one run of a command, from start to end. Discards the output of the command.
 *
 *     command PROGRAM [ARGUMENT...]    prints wall-clock ms, CPU ms, the maximum of resident bytes
 *
 * A small program starts it, because the maximum of resident bytes includes the parent's memory before the exec. */
#include "common.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static double milliseconds(struct timeval time) {
    return time.tv_sec * 1e3 + time.tv_usec / 1e3;
}

int main(int argc, char **argv) {
    if (argc < 2)
        give_up("usage", "command PROGRAM [ARGUMENT...]");

    double began = seconds_on(CLOCK_MONOTONIC);
    pid_t child = fork();
    if (child < 0)
        give_up("fork", NULL);
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        if (nowhere >= 0 && dup2(nowhere, STDOUT_FILENO) >= 0)
            execv(argv[1], argv + 1);
        _exit(127);
    }

    int status;
    struct rusage usage;
    if (wait4(child, &status, 0, &usage) != child || status != 0)
        give_up(argv[1], NULL);
    double wall = seconds_on(CLOCK_MONOTONIC) - began;
    printf("%.6f %.6f %.0f\n", wall * 1e3, milliseconds(usage.ru_utime) + milliseconds(usage.ru_stime),
        usage.ru_maxrss * 1024.0);
    return 0;
}
