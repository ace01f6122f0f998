// Prints the Authorization header for Podero's API. PODERO_TOKEN_URL may name another token endpoint, for a test.
#include <cstdlib>
#include <iostream>
#include <tokensource.hpp>

int main() try {
    const tokensource::Source source(tokensource::Config{
        {"provider", "podero"},
        {"client_id", std::getenv("PODERO_CLIENT_ID")},
        {"client_secret", std::getenv("PODERO_CLIENT_SECRET")},
        {"token_url", std::getenv("PODERO_TOKEN_URL")}, // null: the provider's
    });
    const tokensource::Token token = source.get();
    std::cout << "Authorization: " << token.authorization() << '\n';
} catch (const tokensource::Error &error) {
    std::cerr << error.what() << '\n';
    return error.status();
}
