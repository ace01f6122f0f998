// The C interface in C++11: prints the header that Podero's API wants.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <tokensource.h>

template <typename T> using handle = std::unique_ptr<T, void (*)(T *)>;

int main() {
    handle<tks_config> config(tks_config_new(), tks_config_free);
    tks_config_set(config.get(), "provider", "podero", nullptr);
    tks_config_set(config.get(), "client_id", std::getenv("PODERO_CLIENT_ID"), nullptr);
    tks_config_set(config.get(), "client_secret", std::getenv("PODERO_CLIENT_SECRET"), nullptr);
    tks_config_set(config.get(), "token_url", std::getenv("PODERO_TOKEN_URL"), nullptr);
    tks_source *source = nullptr;
    tks_token *token = nullptr;
    tks_source_new(config.get(), &source, nullptr);
    handle<tks_source> owned_source(source, tks_source_free);
    tks_source_get(source, &token, nullptr);
    handle<tks_token> owned_token(token, tks_token_free);
    if (token == nullptr)
        return 1;
    std::printf("Authorization: %s\n", tks_token_authorization(token));
}
