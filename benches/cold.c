/* The cost of the first token of a process over TLS, as when a service starts.
 *
 *     cold URL CA-FILE    prints wall-clock ms, CPU ms before main, the maximum of resident bytes */
#include <tokensource.h>

#include "common.h"

int main(int argc, char **argv) {
    double cpu_before = seconds_on(CLOCK_PROCESS_CPUTIME_ID);
    double began = seconds_on(CLOCK_MONOTONIC);

    if (argc != 3)
        give_up("usage", "cold URL CA-FILE");
    tks_config *config = config_for(argv[1], argv[2]);
    tks_source *source = source_for(config);
    tks_config_free(config);
    tks_token *token = token_from(source);
    if (strncmp(tks_token_authorization(token), "Bearer ", 7) != 0)
        give_up("authorization", NULL);

    double wall = seconds_on(CLOCK_MONOTONIC) - began;
    tks_token_free(token);
    tks_source_free(source);
    printf("%.6f %.6f %.0f\n", wall * 1e3, cpu_before * 1e3, memory("VmHWM:"));
    return 0;
}
