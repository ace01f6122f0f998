/* A daemon that reads its signals from a signalfd gets all of them. No thread of the library takes a signal or ends by it.
 * argv: a server that responds late. */
#define _GNU_SOURCE
#include "check.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

int main(int argc, char **argv) {
    tks_error *error = NULL;
    tks_token *token = NULL;
    struct signalfd_siginfo taken;
    sigset_t term, before, after;

    CHECK(argc == 2);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    CHECK(sigprocmask(SIG_BLOCK, &term, NULL) == 0);
    int signals = signalfd(-1, &term, SFD_CLOEXEC);
    CHECK(signals >= 0);
    CHECK(sigprocmask(SIG_BLOCK, NULL, &before) == 0);

    tks_source *source = source_for(argv[1]);
    CHECK(tks_source_get_within(source, 0, &token, &error) == TKS_PENDING);
    CHECK(threads() > 1);
    for (int i = 0; i < 20; i++) {
        struct pollfd waited = {signals, POLLIN, 0};
        CHECK(kill(getpid(), SIGTERM) == 0);
        CHECK(poll(&waited, 1, 10000) == 1);
        CHECK(read(signals, &taken, sizeof taken) == sizeof taken);
        CHECK(taken.ssi_signo == SIGTERM);
    }
    CHECK(threads() > 1);
    CHECK_OK(tks_source_get(source, &token, &error), error);

    /* The signal mask and the handlers of the process are unchanged. */
    CHECK(sigprocmask(SIG_BLOCK, NULL, &after) == 0);
    for (int number = 1; number < SIGRTMAX; number++) {
        struct sigaction action;
        CHECK(sigismember(&before, number) == sigismember(&after, number));
        CHECK(sigaction(number, NULL, &action) != 0 || action.sa_handler == SIG_DFL);
    }
    tks_token_free(token);
    tks_source_free(source);
    return 0;
}
