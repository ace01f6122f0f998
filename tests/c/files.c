/* No file can be opened. The error names that reason, no weaker setting is used instead, and the source recovers. argv: a
 * server that grants, a file with a secret. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <fcntl.h>
#include <sys/resource.h>

static rlim_t at_most(rlim_t files) {
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = files;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    return before;
}

static rlim_t first_free(void) {
    int file = open("/dev/null", O_RDONLY);
    CHECK(file >= 0 && close(file) == 0);
    return (rlim_t)file;
}

int main(int argc, char **argv) {
    tks_error *error = NULL;
    tks_token *token = NULL;
    tks_source *source = NULL, *secure = NULL, *filed = NULL;
    tks_config *config = config_for("https://127.0.0.1:9/");

    CHECK(argc == 3);
    CHECK_OK(tks_config_set(config, "ca", "auto", &error), error);
    source = source_for(argv[1]);
    /* A machine without system certificates has no certificate file to fail on. */
    int has_roots = access("/etc/ssl/certs/ca-certificates.crt", R_OK) == 0;

    /* No descriptor for the folder of the certificates; then one for the folder and none for its files. */
    rlim_t files = first_free();
    for (rlim_t more = 0; more < 2; more++) {
        rlim_t before = at_most(files + more);
        tks_status status = tks_source_new(config, &secure, &error);
        at_most(before);
        CHECK(!has_roots || status == TKS_INVALID_CONFIG);
        CHECK(status == TKS_OK || strstr(tks_error_message(error), "too many files open") != NULL);
        tks_source_free(secure);
        tks_error_free(error);
    }
    CHECK_OK(tks_source_new(config, &secure, &error), error);
    tks_source_free(secure);
    tks_config_free(config);

    config = config_for(argv[1]);
    CHECK_OK(tks_config_set(config, "client_secret", NULL, &error), error);
    CHECK_OK(tks_config_set(config, "client_secret_file", argv[2], &error), error);
    CHECK_OK(tks_source_new(config, &filed, &error), error);
    tks_config_free(config);

    rlim_t before = at_most(files);
    CHECK(tks_source_get(filed, &token, &error) == TKS_INVALID_CONFIG);
    CHECK(tks_error_is_transient(error));
    CHECK(tks_error_retry_after(error) > 0 && tks_error_retry_after(error) <= 1);
    tks_error_free(error);
    CHECK(tks_source_get(source, &token, &error) == TKS_NETWORK);
    at_most(before);
    CHECK(strstr(tks_error_message(error), "too many files open") != NULL);
    CHECK(tks_error_is_transient(error));
    CHECK(tks_error_retry_after(error) > 0 && tks_error_retry_after(error) <= 1);
    tks_error_free(error);
    sleep(1);
    CHECK_OK(tks_source_get(source, &token, &error), error);
    tks_token_free(token);
    tks_source_free(source);
    CHECK_OK(tks_source_get(filed, &token, &error), error);
    tks_token_free(token);
    tks_source_free(filed);
    return 0;
}
