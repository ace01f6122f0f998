/* The peer of cold.c: the same token by hand with libcurl, without a JSON parser.
 *
 *     cold_curl URL CA-FILE    prints wall-clock ms, CPU ms before main, the maximum of resident bytes */
#include "common.h"

#include <curl/curl.h>

struct response {
    size_t length;
    char text[16384];
};

static size_t keep(char *data, size_t size, size_t count, void *place) {
    struct response *response = place;
    size_t bytes = size * count;
    if (bytes >= sizeof response->text - response->length)
        return 0;
    memcpy(response->text + response->length, data, bytes);
    response->length += bytes;
    response->text[response->length] = '\0';
    return bytes;
}

int main(int argc, char **argv) {
    double cpu_before = seconds_on(CLOCK_PROCESS_CPUTIME_ID);
    double began = seconds_on(CLOCK_MONOTONIC);

    if (argc != 3)
        give_up("usage", "cold_curl URL CA-FILE");
    static struct response response;
    char authorization[2048];
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, argv[1]);
    curl_easy_setopt(curl, CURLOPT_CAINFO, argv[2]);
    curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(curl, CURLOPT_USERNAME, CLIENT_ID);
    curl_easy_setopt(curl, CURLOPT_PASSWORD, CLIENT_SECRET);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "grant_type=client_credentials");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &response);
    CURLcode code = curl_easy_perform(curl);
    if (code != CURLE_OK)
        give_up("curl", curl_easy_strerror(code));
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    char *token = strstr(response.text, "\"access_token\"");
    char *begin = token ? strchr(token + strlen("\"access_token\""), '"') : NULL;
    char *end = begin ? strchr(begin + 1, '"') : NULL;
    if (status != 200 || !end)
        give_up("response", response.text);
    snprintf(authorization, sizeof authorization, "Bearer %.*s", (int)(end - begin - 1), begin + 1);

    double wall = seconds_on(CLOCK_MONOTONIC) - began;
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    printf("%.6f %.6f %.0f\n", wall * 1e3, cpu_before * 1e3, memory("VmHWM:"));
    return 0;
}
