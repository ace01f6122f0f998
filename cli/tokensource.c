/*
 * The tokensource command: gets an access token for scripts and for curl.
 *
 * It uses tokensource.h and nothing else of the library. It must not know the options, their values or the errors: the
 * library has them. The exceptions are the credentials: two files may be standard input, and an argument for a credential
 * overrides the variables for all.
 */
#define _POSIX_C_SOURCE 200809L

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tokensource.h>
#include <unistd.h>

#include "wrap.h"

/* Exit statuses in addition to the numbers of the library. They are those of sysexits.h, which is not part of POSIX. */
enum { WRONG_USAGE = 64, NO_OUTPUT = 74 };

enum { LARGEST_CREDENTIAL = 64 * 1024 };

enum form { TOKEN, HEADER, JSON };

static const char USAGE[] =
    "Usage: tokensource get [--header | --json] NAME=VALUE ...\n"
    "       tokensource options\n"
    "       tokensource help | --version\n";

static const char HELP[] =
    "\n"
    "get prints an access token. The options describe the client and the server:\n"
    "\n"
    "    tokensource get provider=podero client_id=ID client_secret_file=FILE\n"
    "    tokensource get token_url=URL client_id=ID client_secret_file=- < FILE\n"
    "\n"
    "  --header  prints the header line in the form that curl reads:\n"
    "            tokensource get --header NAME=VALUE ... | curl -H @- URL\n"
    "  --json    prints one JSON object: access_token, token_type, scope (null if\n"
    "            the server named none), expires_at (Unix time), expires_in\n"
    "            (seconds) and response (the server's response without tokens)\n"
    "\n"
    "options lists every NAME with its values. An option without a dot in its name\n"
    "may also be set in the environment, for example client_id in\n"
    "TOKENSOURCE_CLIENT_ID. An argument overrides a variable. An argument for the\n"
    "secret, the signing key or the client assertion overrides the variables for\n"
    "all three. An empty variable counts as not set.\n"
    "\n"
    "Every user of a machine can see the arguments of its commands. Pass the secret\n"
    "in a file, on standard input (client_secret_file=-) or in the variable\n"
    "TOKENSOURCE_CLIENT_SECRET. A signing key may be on standard input too\n"
    "(signing_key_file=-), but not both.\n"
    "\n"
    "Exit status: 0 for success, 64 for wrong usage, 74 if the output cannot be\n"
    "written. Otherwise it is the number of the status that standard error names:\n";

/* Compilers remove a memset that no later code reads. */
static void wipe(char *text, size_t length) {
    volatile char *byte = text;
    while (length-- > 0)
        *byte++ = '\0';
}

/* A reason must not repeat a word of the command line, which may be a secret in the wrong place. */
static int wrong_usage(const char *reason, ...) {
    va_list arguments;
    va_start(arguments, reason);
    fputs("tokensource: ", stderr);
    vfprintf(stderr, reason, arguments);
    fputs("; see tokensource help\n", stderr);
    va_end(arguments);
    return WRONG_USAGE;
}

/* Prints an error. `origin` is the source of a value that was not an argument, or NULL. */
static int report(tks_status status, const char *origin, const char *message) {
    const char *colon = origin != NULL ? ": " : "";
    fprintf(stderr, "tokensource: %s: %s%s%s\n", tks_status_name(status), origin != NULL ? origin : "", colon, message);
    return status;
}

/* Closes standard output, because some file systems report a failed write only then. */
static int finish_output(void) {
    if (!ferror(stdout) && fclose(stdout) == 0)
        return 0;
    fprintf(stderr, "tokensource: standard output: %s\n", strerror(errno));
    return NO_OUTPUT;
}

static int set(tks_config *config, const char *origin, const char *name, const char *value) {
    tks_error *error = NULL;
    tks_status status = tks_config_set(config, name, value, &error);
    if (status != TKS_OK)
        report(status, origin, tks_error_message(error));
    tks_error_free(error);
    return status;
}

/*
 * Sets `name`, a secret or a key, to what standard input holds, by the rules of the option for its file. Uses read(2),
 * because the buffer of a FILE cannot be wiped.
 */
static int set_from_stdin(tks_config *config, const char *name, const char *what) {
    static const char *held = NULL;
    static char text[LARGEST_CREDENTIAL + 1];
    const char *origin = "standard input", *wrong = NULL;
    size_t length = 0;
    ssize_t count = 1;
    if (held != NULL && strcmp(held, name) != 0)
        return wrong_usage("client_secret_file and signing_key_file cannot both be standard input");
    held = name;
    while (count != 0 && length < sizeof text && wrong == NULL) {
        count = read(STDIN_FILENO, text + length, sizeof text - length);
        if (count > 0)
            length += (size_t)count;
        else if (count < 0 && errno != EINTR)
            wrong = strerror(errno);
    }
    if (length > LARGEST_CREDENTIAL)
        wrong = "it is larger than 64 KiB";
    if (length > 0 && text[length - 1] == '\n') {
        length--;
        if (length > 0 && text[length - 1] == '\r')
            length--;
    }
    if (wrong == NULL && length == 0)
        wrong = "it is empty";

    int code;
    if (wrong != NULL) {
        code = report(TKS_INVALID_CONFIG, origin, wrong);
    } else if (memchr(text, '\0', length) != NULL) {
        char holds_nul[32];
        snprintf(holds_nul, sizeof holds_nul, "the %s holds a NUL", what);
        code = report(TKS_INVALID_CONFIG, origin, holds_nul);
    } else {
        text[length] = '\0';
        code = set(config, origin, name, text);
    }
    wipe(text, sizeof text);
    return code;
}

static int set_option(tks_config *config, const char *origin, const char *name, const char *value) {
    if (strcmp(value, "-") == 0 && strcmp(name, "client_secret_file") == 0)
        return set_from_stdin(config, "client_secret", "secret");
    if (strcmp(value, "-") == 0 && strcmp(name, "signing_key_file") == 0)
        return set_from_stdin(config, "signing_key", "key");
    return set(config, origin, name, value);
}

static int is_credential(const char *name, size_t length) {
    static const char *const CREDENTIALS[] = {
        "client_secret", "client_secret_file", "signing_key", "signing_key_file", "client_assertion_file",
    };
    for (size_t i = 0; i < sizeof CREDENTIALS / sizeof *CREDENTIALS; i++) {
        if (strlen(CREDENTIALS[i]) == length && memcmp(CREDENTIALS[i], name, length) == 0)
            return 1;
    }
    return 0;
}

/* An argument for one credential overrides the variables for each. */
static int set_from_environment(tks_config *config, int has_credential_argument) {
    const char *name;
    for (size_t i = 0; (name = tks_option_name(i)) != NULL; i++) {
        char variable[64] = "TOKENSOURCE_";
        size_t length = strlen(variable);
        if (strchr(name, '.') != NULL || (has_credential_argument && is_credential(name, strlen(name))))
            continue;
        for (const char *letter = name; *letter != '\0' && length < sizeof variable - 1; letter++)
            variable[length++] = (char)toupper((unsigned char)*letter);
        const char *value = getenv(variable);
        if (value == NULL || *value == '\0')
            continue;
        int code = set_option(config, variable, name, value);
        if (code != 0)
            return code;
    }
    return 0;
}

/* Wipes every value, so that ps(1) shows none: only the library knows which values are secret. */
static int set_from_arguments(tks_config *config, int count, char **arguments) {
    for (int i = 0; i < count; i++) {
        char *value = strchr(arguments[i], '=');
        if (value == NULL)
            continue;
        *value++ = '\0';
        int code = set_option(config, NULL, arguments[i], value);
        wipe(value, strlen(value));
        if (code != 0)
            return code;
    }
    return 0;
}

static void print_json_text(const char *text) {
    if (text == NULL) {
        fputs("null", stdout);
        return;
    }
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if ((unsigned char)*text < ' ')
            printf("\\u%04x", (unsigned)*text);
        else
            putchar(*text);
    }
    putchar('"');
}

static void print_json(const tks_token *token) {
    fputs("{\"access_token\":", stdout);
    print_json_text(tks_token_access_token(token));
    fputs(",\"token_type\":", stdout);
    print_json_text(tks_token_type(token));
    fputs(",\"scope\":", stdout);
    print_json_text(tks_token_scope(token));
    printf(",\"expires_at\":%lld", (long long)tks_token_expires_at(token));
    printf(",\"expires_in\":%lld", (long long)tks_token_expires_in(token));
    printf(",\"response\":%s}\n", tks_token_response(token));
}

static int print_token(const tks_token *token, enum form form) {
    switch (form) {
    case TOKEN:
        puts(tks_token_access_token(token));
        break;
    case HEADER:
        printf("Authorization: %s\n", tks_token_authorization(token));
        break;
    case JSON:
        print_json(token);
        break;
    }
    return finish_output();
}

static int get_token(const tks_config *config, enum form form) {
    tks_error *error = NULL;
    tks_source *source = NULL;
    tks_token *token = NULL;
    tks_status status = tks_source_new(config, &source, &error);
    if (status == TKS_OK)
        status = tks_source_get(source, &token, &error);
    int code = status == TKS_OK ? print_token(token, form) : report(status, NULL, tks_error_message(error));
    tks_token_free(token);
    tks_source_free(source);
    tks_error_free(error);
    return code;
}

static int help(void) {
    printf("%s%s", USAGE, HELP);
    int gap = 0;
    for (tks_status status = 1; strcmp(tks_status_name(status), "TKS_UNKNOWN") != 0; status++) {
        const char *name = tks_status_name(status);
        printf("%*s%4d %s", gap, "", (int)status, name);
        gap = status % 3 == 0 ? 0 : 22 - (int)strlen(name);
        if (gap == 0)
            putchar('\n');
    }
    putchar('\n');
    return finish_output();
}

static int get(int count, char **arguments) {
    enum form form = TOKEN;
    int has_credential_argument = 0;
    for (int i = 0; i < count; i++) {
        const char *argument = arguments[i], *value = strchr(argument, '=');
        if (strcmp(argument, "--help") == 0)
            return help();
        if (strcmp(argument, "--header") == 0 || strcmp(argument, "--json") == 0) {
            if (form != TOKEN)
                return wrong_usage("give one of --header and --json");
            form = strcmp(argument, "--json") == 0 ? JSON : HEADER;
        } else if (argument[0] == '-' || value == NULL) {
            return wrong_usage("argument %d of get is neither NAME=VALUE nor --header nor --json", i + 1);
        } else {
            has_credential_argument |= is_credential(argument, (size_t)(value - argument));
        }
    }
    tks_config *config = tks_config_new();
    int code = set_from_environment(config, has_credential_argument);
    if (code == 0)
        code = set_from_arguments(config, count, arguments);
    if (code == 0)
        code = get_token(config, form);
    tks_config_free(config);
    return code;
}

static int options(void) {
    const char *name;
    size_t widest = 0;
    for (size_t i = 0; (name = tks_option_name(i)) != NULL; i++)
        widest = strlen(name) > widest ? strlen(name) : widest;
    for (size_t i = 0; (name = tks_option_name(i)) != NULL; i++) {
        printf("%-*s  ", (int)widest, name);
        print_wrapped(tks_option_help(i), widest + 2);
    }
    return finish_output();
}

static int version(void) {
    printf("tokensource %s\n", tks_version());
    return finish_output();
}

/*
 * Opens each closed standard descriptor. Otherwise the next socket or file would get its number, and receive the output.
 * The descriptor has the wrong direction, so that reading and writing fail as on a closed one.
 */
static void occupy_standard_descriptors(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            _exit(NO_OUTPUT);
    }
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*run)(void);
    } COMMANDS[] = {
        {"options", options}, {"help", help}, {"--help", help}, {"-h", help}, {"--version", version},
    };

    occupy_standard_descriptors();
    if (argc < 2) {
        fputs(USAGE, stderr);
        return WRONG_USAGE;
    }
    if (strcmp(argv[1], "get") == 0)
        return get(argc - 2, argv + 2);
    for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++) {
        if (strcmp(argv[1], COMMANDS[i].name) == 0)
            return argc == 2 ? COMMANDS[i].run() : wrong_usage("%s takes no arguments", COMMANDS[i].name);
    }
    return wrong_usage("the first argument must be get, options, help or --version");
}
