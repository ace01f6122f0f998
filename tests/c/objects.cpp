// The objects of tokensource.hpp: their ownership, their exceptions, and that they may be destroyed in any order.
// argv: a server that grants, one that rejects the scope, one that is overloaded, one that takes 30 s.
#include "check.h"

#include <ctime>
#include <exception>
#include <thread>
#include <tokensource.hpp>
#include <type_traits>
#include <vector>

using namespace std::chrono_literals;
using std::nullopt, std::optional, std::string;
using tokensource::Config, tokensource::Error, tokensource::Source, tokensource::Token, tokensource::TokenCache;

template <typename Object>
constexpr bool only_moves = !std::is_copy_constructible_v<Object> && !std::is_copy_assignable_v<Object>
    && std::is_nothrow_move_constructible_v<Object> && std::is_nothrow_move_assignable_v<Object>;
static_assert(only_moves<Config> && only_moves<Source> && only_moves<Token>);

// An exception that throws while it is copied ends the program.
static_assert(std::is_nothrow_copy_constructible_v<Error> && std::is_nothrow_copy_assignable_v<Error>);
static_assert(std::is_base_of_v<std::runtime_error, Error>);

// The string of a temporary token must not compile,
template <typename Asked, typename = void> constexpr bool has_texts = false;
template <typename Asked> constexpr bool has_texts<Asked, std::void_t<decltype(std::declval<Asked>().authorization())>> = true;
static_assert(has_texts<Token &> && has_texts<const Token &> && !has_texts<Token> && !has_texts<const Token>);
// nor a cache of a temporary source,
static_assert(std::is_constructible_v<TokenCache, Source &> && !std::is_constructible_v<TokenCache, Source>);
// nor a string_view where C needs a NUL at the end.
static_assert(!std::is_convertible_v<std::string_view, tokensource::Text>);

static Config config_of(const string &url) {
    return Config{{"token_url", url}, {"client_id", "someone"}, {"client_secret", SECRET}, {"max_attempts", "1"}};
}

static Source source_of(const string &url) { return Source(config_of(url)); }

template <typename Work> static Error error_of(Work work) {
    try {
        work();
    } catch (const Error &error) {
        CHECK(std::strstr(error.what(), SECRET) == nullptr);
        return error;
    }
    constexpr bool thrown = false;
    CHECK(thrown);
    std::abort();
}

static bool says(const Error &error, const char *part) { return std::strstr(error.what(), part) != nullptr; }

static void options(const string &url) {
    const string nul("a\0b", 3);
    Config config = config_of(url);

    const Error unknown = error_of([&] { config.set("scop", "read"); });
    CHECK(unknown.status() == TKS_INVALID_ARGUMENT && says(unknown, "scope"));
    CHECK(!unknown.retry_after() && !unknown.http_status() && !unknown.oauth_error() && !unknown.is_transient());
    CHECK(error_of([] { Config{{"timeout", "5"}, {"timeout", "soon"}}; }).status() == TKS_INVALID_ARGUMENT);

    // C would see the part before the NUL, which may be a valid value.
    const Error half = error_of([&] { config.set("client_id", nul); });
    CHECK(half.status() == TKS_INVALID_ARGUMENT && says(half, "option client_id") && says(half, "NUL"));
    CHECK(!half.retry_after() && !half.http_status() && !half.oauth_error() && !half.is_transient());
    CHECK(says(error_of([&] { config.set("client_id", optional(nul)); }), "NUL"));
    CHECK(says(error_of([&] { config.set(string("scope\0", 6), "read"); }), "NUL"));
    CHECK(error_of([&] { config.set(nullptr, nul); }).status() == TKS_INVALID_ARGUMENT);
    CHECK(error_of([&] { config.set(nullopt, "read"); }).status() == TKS_INVALID_ARGUMENT);

    // Every form of "no value" unsets the option; the rejected values changed nothing.
    const char *absent = nullptr;
    const optional<string> none;
    Source(config.set("client_id", "other"));
    for (int form = 0; form < 4; form++) {
        form == 0 ? config.set("client_id", nullopt) : form == 1 ? config.set("client_id", absent)
            : form == 2 ? config.set("client_id", none) : config.set("client_id", nullptr);
        const Error incomplete = error_of([&] { Source source(config); });
        CHECK(incomplete.status() == TKS_INVALID_CONFIG && says(incomplete, "client_id is not set"));
        Source(config.set("client_id", optional<string>("someone")));
    }
    CHECK(error_of([] { Source source{Config{}}; }).status() == TKS_INVALID_CONFIG);
}

static void granted(const string &url) {
    const Source source = source_of(url);
    CHECK(source.generation() == 0 && !source.last_error());
    CHECK(source.stats().requests == 0 && source.stats().tokens == 0);

    const Token first = source.get();
    CHECK(first.authorization() == "Bearer " + string(first.access_token()));
    CHECK(std::strlen(first.authorization().data()) == first.authorization().size());
    CHECK(first.type() == "Bearer" && !first.scope() && first.response().front() == '{');
    CHECK(first.expires_in() > 3500s && first.expires_in() <= 3600s);
    const auto skew = first.expires_at() - std::chrono::system_clock::now() - first.expires_in();
    CHECK(skew > -5s && skew < 5s);
    CHECK(first.generation() != 0 && first.generation() == source.generation());

    // Whole, fractional and other durations.
    for (const optional<Token> &same : {source.get_within(0s), source.get_within(1500us), source.get_within(0.1s)})
        CHECK(same && same->generation() == first.generation() && same->access_token() == first.access_token());
    CHECK(source.stats().requests == 1);

    TokenCache cache(source);
    const Token *kept = &cache.token();
    CHECK(kept->generation() == first.generation() && &cache.token() == kept);
    source.invalidate(*kept);
    CHECK(source.generation() == 0);
    CHECK(cache.token().generation() == source.generation() && source.generation() != first.generation());
    source.invalidate(first);
    CHECK(source.generation() == cache.token().generation());
    const tokensource::Stats stats = source.stats();
    CHECK(stats.requests == 2 && stats.tokens == 2 && stats.failures == 0 && stats.waits >= 1);

    source.close();
    CHECK(source.generation() == 0);
    const Error closed = error_of([&] { source.get(); });
    CHECK(closed.status() == TKS_CLOSED && !closed.retry_after());
    CHECK(error_of([&] { source.get_within(0s); }).status() == TKS_CLOSED);
    CHECK(error_of([&] { cache.token(); }).status() == TKS_CLOSED);
}

static void moved(const string &url) {
    Config config = config_of(url), other = std::move(config);
    CHECK(error_of([&] { config.set("scope", "read"); }).status() == TKS_INVALID_ARGUMENT);
    CHECK(error_of([&] { Source source(config); }).status() == TKS_INVALID_ARGUMENT);
    config = std::move(other);

    Source from(config), source = std::move(from);
    CHECK(error_of([&] { from.get(); }).status() == TKS_INVALID_ARGUMENT);
    CHECK(error_of([&] { from.get_within(0s); }).status() == TKS_INVALID_ARGUMENT);
    CHECK(from.last_error() && from.last_error()->status() == TKS_INVALID_ARGUMENT);
    CHECK(from.generation() == 0 && from.stats().requests == 0);
    from.close();

    Token token = source.get(), taken = std::move(token);
    CHECK(token.access_token().empty() && token.authorization().empty() && token.type().empty());
    CHECK(*token.authorization().data() == '\0' && token.response().empty() && !token.scope());
    CHECK(token.generation() == 0 && token.expires_in() == 0s);
    source.invalidate(token);
    from.invalidate(taken);
    CHECK(source.generation() == taken.generation());
    token = std::move(taken);
    CHECK(source.generation() == token.generation());

    // A container that grows moves its objects; an object that is assigned to frees its old handle.
    std::vector<Source> sources;
    std::vector<Token> tokens;
    for (int i = 0; i < 4; i++) {
        sources.push_back(source_of(url));
        tokens.push_back(sources[0].get());
    }
    sources[0] = std::move(source);
    CHECK(sources[0].generation() == token.generation());
    from = Source(config);
    CHECK(from.generation() == 0);
}

// Each object works after the others were destroyed.
static void destroyed(const string &granting, const string &rejecting) {
    auto config = std::make_unique<Config>(config_of(granting));
    auto source = std::make_unique<Source>(*config);
    config.reset();
    auto cache = std::make_unique<TokenCache>(*source);
    const Token token = source->get();
    CHECK(cache->token().generation() == token.generation());
    source.reset();
    cache.reset();
    CHECK(token.authorization().substr(0, 7) == "Bearer ");

    source = std::make_unique<Source>(source_of(rejecting));
    const Error error = error_of([&] { source->get(); });
    optional<Error> last = source->last_error();
    source.reset();
    CHECK(last && string(last->what()) == error.what() && last->oauth_error() == "invalid_scope");
}

static void rejected(const string &url) {
    const Source source = source_of(url);
    Error error = error_of([&] { source.get(); });
    CHECK(error.status() == TKS_OAUTH && error.http_status() == 400 && !error.is_transient());
    CHECK(error.oauth_error() == "invalid_scope" && error.oauth_description() == "No such scope.");
    CHECK(error.oauth_uri() == "https://login.example/scopes");
    CHECK(error.retry_after() && *error.retry_after() > 50s && *error.retry_after() <= 60s);
    CHECK(says(error, "invalid_scope"));

    // In the hold-off the same error is thrown at once, and last_error() returns it.
    CHECK(error_of([&] { source.get_within(0s); }).oauth_error() == "invalid_scope");
    const optional<Error> last = source.last_error();
    CHECK(last && last->status() == TKS_OAUTH && string(last->what()) == error.what());
    CHECK(source.stats().requests == 1 && source.stats().failures == 1 && source.generation() == 0);

    // A copy has all parts, on any thread and after its original is gone; caught as Error and as std::exception.
    std::exception_ptr pointer = std::make_exception_ptr(error);
    Error copy = error_of([] { throw Error(TKS_INTERNAL, "nothing of this stays"); });
    copy = error;
    error = error_of([] { throw Error(TKS_TIMEOUT, "nor of the first"); });
    CHECK(error.status() == TKS_TIMEOUT && !error.http_status() && string(error.what()) == "nor of the first");
    std::thread([pointer = std::move(pointer), copy = std::move(copy)] {
        try {
            std::rethrow_exception(pointer);
        } catch (const std::exception &caught) {
            CHECK(string(caught.what()) == copy.what() && copy.oauth_error() == "invalid_scope");
        }
        CHECK(error_of([&] { std::rethrow_exception(pointer); }).http_status() == 400);
    }).join();
}

static void unavailable(const string &url) {
    const Error overloaded = error_of([&] { source_of(url).get(); });
    CHECK(overloaded.status() == TKS_HTTP && overloaded.http_status() == 503 && overloaded.is_transient());
    CHECK(!overloaded.oauth_error() && !overloaded.oauth_description() && !overloaded.oauth_uri());
    CHECK(overloaded.retry_after() && *overloaded.retry_after() > 1s && *overloaded.retry_after() <= 7s);

    const Error unreachable = error_of([] { source_of("http://127.0.0.1:9/").get(); });
    CHECK(unreachable.status() == TKS_NETWORK && !unreachable.http_status() && unreachable.is_transient());
    CHECK(unreachable.retry_after());
}

static void pending(const string &url) {
    const Source source = source_of(url);
    CHECK(!source.get_within(0s) && !source.get_within(-1s) && !source.get_within(1ms));

    std::vector<std::thread> waiters;
    for (int i = 0; i < 4; i++)
        waiters.emplace_back([&] { CHECK(error_of([&] { source.get(); }).status() == TKS_CLOSED); });
    // The waiters, the fetch and this thread. A waiter that does not wait yet gets the same error.
    while (threads() < 4 + 2)
        std::this_thread::sleep_for(1ms);
    source.close();
    for (std::thread &waiter : waiters)
        waiter.join();
}

// Each thread keeps a token. All threads report the same token, and share its replacement.
static void shared(const string &url) {
    const Source source = source_of(url);
    const Token first = source.get();
    std::vector<std::thread> callers;
    for (int i = 0; i < 16; i++)
        callers.emplace_back([&] {
            TokenCache cache(source);
            for (int call = 0; call < 500; call++) {
                const bool rejected = call >= 250 && cache.token().access_token() == first.access_token();
                if (rejected)
                    source.invalidate(cache.token());
                CHECK(call < 250 || cache.token().access_token() != first.access_token());
            }
        });
    for (std::thread &caller : callers)
        caller.join();
    CHECK(source.stats().requests == 2 && source.stats().tokens == 2);
}

int main(int argc, char **argv) {
    CHECK(argc == 5);
    options(argv[1]);
    granted(argv[1]);
    moved(argv[1]);
    destroyed(argv[1], argv[2]);
    rejected(argv[2]);
    unavailable(argv[3]);
    pending(argv[4]);
    shared(argv[1]);
    return 0;
}
