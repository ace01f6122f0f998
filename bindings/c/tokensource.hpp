/*
 * tokensource for C++17: the handles of tokensource.h as objects that free themselves, its errors as exceptions.
 *
 *     const tokensource::Source source(tokensource::Config{
 *         {"token_url", "https://login.example/oauth2/token"},
 *         {"client_id", "my-service"},
 *         {"client_secret_file", "/run/secrets/my-service"},
 *     });
 *     const tokensource::Token token = source.get();   // before each API call, from any thread
 *     request.header("Authorization", token.authorization());
 *     source.invalidate(token);                        // after the API rejected the token with a 401
 *
 * A program links the library and nothing else. Nothing is decided here: each comment in tokensource.h states what the
 * function does, when it waits and what it costs.
 *
 * Ownership. A Config, a Source and a Token each own one handle. They can be moved and not copied, and may be destroyed in
 * any order. A moved-from object may be destroyed, assigned to and called: its members then behave like the C functions for
 * NULL.
 *
 * Errors. A function that fails throws an Error. A function that is `noexcept` never fails.
 *
 * Threads. All `const` members may be called from any number of threads at the same time. A Source and a Token have no
 * other members. A Config and a TokenCache must be used by one thread at a time. Before an object is destroyed or moved
 * from, every call on it must have returned; Source::close ends the calls that wait.
 *
 * Strings. An argument is UTF-8, is copied by the library and must not contain a NUL. A result is a string_view into the
 * object that returns it; its data() ends with a NUL. Times are in seconds, or in any duration that converts to seconds.
 */
#ifndef TOKENSOURCE_HPP
#define TOKENSOURCE_HPP

#if (defined(_MSVC_LANG) ? _MSVC_LANG : __cplusplus) < 201703L
#error "tokensource.hpp needs C++17: compile with -std=c++17 or later"
#endif

#include <chrono>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <tokensource.h>

namespace tokensource {

using Seconds = std::chrono::duration<double>;

/* The only place that frees a handle. */
struct Free {
    void operator()(tks_config *config) const noexcept { tks_config_free(config); }
    void operator()(tks_source *source) const noexcept { tks_source_free(source); }
    void operator()(tks_token *token) const noexcept { tks_token_free(token); }
    void operator()(tks_error *error) const noexcept { tks_error_free(error); }
};

template <typename Handle> using Owned = std::unique_ptr<Handle, Free>;

/*
 * What went wrong, with its parts. what() returns one printable line without secrets: what happened, whose fault it is and
 * what to do next. Copying never throws; all copies share one handle.
 */
class Error : public std::runtime_error {
public:
    /* Takes the error of a failed call, which must not be null. */
    explicit Error(Owned<tks_error> error)
        : runtime_error(tks_error_message(error.get())), status_(tks_error_status(error.get())), error_(std::move(error)) {}

    /* Makes an error of this header. */
    Error(tks_status status, const std::string &message) : runtime_error(message), status_(status) {}

    /* Returns one of the TKS_ numbers. Numbers may be added: keep a default branch. */
    tks_status status() const noexcept { return status_; }

    /* Returns the server's error code (RFC 6749 section 5.2), such as "invalid_client". Returns nullopt unless the status is
       TKS_OAUTH. */
    std::optional<std::string> oauth_error() const { return text(tks_error_oauth_error(error_.get())); }

    /* Returns the server's error_description, shortened and made printable. Returns nullopt if there is none. */
    std::optional<std::string> oauth_description() const { return text(tks_error_oauth_description(error_.get())); }

    /* Returns the server's error_uri. Returns nullopt if there is none, or if it is not an http or https URL that can be
       shown in full. */
    std::optional<std::string> oauth_uri() const { return text(tks_error_oauth_uri(error_.get())); }

    /* Returns the HTTP status of the server's response. Returns nullopt if there was no response. */
    std::optional<int> http_status() const noexcept {
        const int status = tks_error_http_status(error_.get());
        return status != 0 ? std::optional<int>(status) : std::nullopt;
    }

    /* Returns the time until the source sends the next request, counted from when this error was thrown. Until then the
       source throws this error at once. Returns nullopt if the source sends no further request. */
    std::optional<Seconds> retry_after() const noexcept {
        const double seconds = error_ ? tks_error_retry_after(error_.get()) : -1;
        return seconds >= 0 ? std::optional<Seconds>(seconds) : std::nullopt;
    }

    /* Returns whether the error is retryable: the same request may succeed later without a change on this side. */
    bool is_transient() const noexcept { return tks_error_is_transient(error_.get()) != 0; }

private:
    static std::optional<std::string> text(const char *text) {
        return text != nullptr ? std::optional<std::string>(text) : std::nullopt;
    }

    tks_status status_;
    std::shared_ptr<const tks_error> error_;
};

/*
 * A string argument, which is not copied before the library copies it: a literal, a std::string, the result of getenv.
 * nullopt and a null pointer mean that there is no string. A Text is for arguments, and refers to a string that must outlive
 * it. A string_view does not convert to a Text, because it has no NUL at its end: make a std::string of it.
 */
class Text {
public:
    Text(std::nullopt_t) noexcept {}
    Text(const char *text) noexcept : text_(text) {}
    Text(const std::string &text) noexcept : text_(text.c_str()), holds_nul_(std::strlen(text_) != text.size()) {}
    Text(const std::optional<std::string> &text) noexcept : Text(text ? Text(*text) : Text(std::nullopt)) {}

    const char *c_str() const noexcept { return text_; }
    bool holds_nul() const noexcept { return holds_nul_; }

private:
    const char *text_ = nullptr;
    bool holds_nul_ = false;
};

/*
 * The options of a source. Every option is a name and a value, both strings. docs/options.md and tks_option_name list the
 * options. Booleans are "true" and "false". Durations are seconds, such as "0.5".
 */
class Config {
public:
    /* Makes a config without options. Throws TKS_INTERNAL if the loaded library has another ABI version than this header. */
    Config() : config_(tks_config_new()) {
        const std::uint32_t abi = tks_abi_version();
        if (abi != TKS_ABI_VERSION)
            throw Error(TKS_INTERNAL, "the loaded tokensource library has ABI version " + std::to_string(abi)
                                          + ", tokensource.h has " + std::to_string(TKS_ABI_VERSION)
                                          + ": install matching versions of both");
        if (!config_)
            throw Error(TKS_INTERNAL, "a bug in the tokensource library; please report it");
    }

    /* Makes a config and calls set() for each pair, in their order. */
    Config(std::initializer_list<std::pair<Text, Text>> options) : Config() {
        for (const auto &[name, value] : options)
            set(name, value);
    }

    /*
     * Sets an option. nullopt and a null pointer unset it, even if the provider has a value for it. Setting an option again
     * replaces its value; the order of the options does not matter.
     *
     * Throws TKS_INVALID_ARGUMENT if the option does not exist, or the value is not allowed. The message names what is
     * allowed. The config is unchanged.
     */
    Config &set(Text name, Text value) {
        if (name.holds_nul())
            throw Error(TKS_INVALID_ARGUMENT, "the name of an option holds a NUL");
        if (value.holds_nul() && name.c_str() != nullptr)
            throw Error(TKS_INVALID_ARGUMENT, std::string("option ") + name.c_str() + ": the value holds a NUL");
        tks_error *error = nullptr;
        if (tks_config_set(config_.get(), name.c_str(), value.c_str(), &error) != TKS_OK)
            throw Error(Owned<tks_error>(error));
        return *this;
    }

private:
    friend class Source;
    Owned<tks_config> config_;
};

/*
 * An access token and what the server sent with it. Nothing in it changes but the remaining lifetime. It may outlive its
 * source. Its strings live as long as the token, so a temporary does not return them: give the token a name.
 */
class Token {
public:
    /* Returns the access token: visible ASCII characters. */
    std::string_view access_token() const & noexcept { return view(tks_token_access_token(token_.get())); }
    std::string_view access_token() const && = delete;

    /* Returns the value of the Authorization header: "Bearer " and the access token. */
    std::string_view authorization() const & noexcept { return view(tks_token_authorization(token_.get())); }
    std::string_view authorization() const && = delete;

    /* Returns the token type as the server sent it, or "Bearer" if the server sent none. */
    std::string_view type() const & noexcept { return view(tks_token_type(token_.get())); }
    std::string_view type() const && = delete;

    /* Returns the scope that the server granted. Returns nullopt if the server sent none, which means that it granted the
       requested scope (RFC 6749 section 5.1). */
    std::optional<std::string_view> scope() const & noexcept {
        const char *scope = tks_token_scope(token_.get());
        return scope != nullptr ? std::optional<std::string_view>(scope) : std::nullopt;
    }
    std::optional<std::string_view> scope() const && = delete;

    /* Returns the JSON object of the server's response, without access_token, refresh_token and id_token. */
    std::string_view response() const & noexcept { return view(tks_token_response(token_.get())); }
    std::string_view response() const && = delete;

    /* Returns the expiry, to the second: the current wall clock plus expires_in(). */
    std::chrono::system_clock::time_point expires_at() const noexcept {
        return std::chrono::system_clock::time_point(std::chrono::seconds(tks_token_expires_at(token_.get())));
    }

    /* Returns the remaining lifetime, even if the wall clock was set. Returns 0 if the token has expired. */
    Seconds expires_in() const noexcept { return Seconds(tks_token_expires_in(token_.get())); }

    /* Returns the generation of the token, which is never 0: see Source::generation. */
    std::uint32_t generation() const noexcept { return tks_token_generation(token_.get()); }

private:
    friend class Source;
    friend class TokenCache;
    explicit Token(Owned<tks_token> token) noexcept : token_(std::move(token)) {}

    static std::string_view view(const char *text) noexcept { return text != nullptr ? text : ""; }

    Owned<tks_token> token_;
};

/* Counts since the source was made. */
struct Stats {
    std::uint64_t requests; /* requests sent, also for the metadata of issuer */
    std::uint64_t failures; /* fetches that failed */
    std::uint64_t tokens;   /* fetches that returned a token */
    std::uint64_t waits;    /* function calls that waited for a fetch */
};

/* Keeps a valid token. A program needs one source for each kind of token, for as long as it runs. */
class Source {
public:
    /*
     * Checks the config as a whole and copies it. Sends nothing and starts no thread. Reads the files that the options name,
     * and the environment variables for proxies and certificates.
     *
     * Throws TKS_INVALID_CONFIG if an option is missing, two options contradict each other, or a file is not usable.
     */
    explicit Source(const Config &config) {
        tks_source *source = nullptr;
        tks_error *error = nullptr;
        const tks_status status = tks_source_new(config.config_.get(), &source, &error);
        source_.reset(source);
        if (status != TKS_OK)
            throw Error(Owned<tks_error>(error));
    }

    /*
     * Returns a valid token. Returns at once while there is one. Otherwise waits for the one fetch that all callers share,
     * at most the option `timeout`, counted from this call. During the hold-off after a failed fetch it throws the error of
     * that fetch at once.
     *
     * Throws an Error if the fetch failed: see its status() and retry_after(). Throws TKS_CLOSED if the source was closed.
     */
    Token get() const {
        tks_token *token = nullptr;
        tks_error *error = nullptr;
        if (tks_source_get(source_.get(), &token, &error) != TKS_OK)
            throw Error(Owned<tks_error>(error));
        return Token(Owned<tks_token>(token));
    }

    /*
     * Does the same as get(), but waits at most this time. Returns nullopt if the fetch is still running.
     *
     * An event loop passes 0s and calls again after 1, 2, 4 ... 50 ms. One call with 0s at the start of the program warms a
     * source up.
     */
    std::optional<Token> get_within(Seconds wait) const {
        tks_token *token = nullptr;
        tks_error *error = nullptr;
        const tks_status status = tks_source_get_within(source_.get(), wait.count(), &token, &error);
        if (status == TKS_PENDING)
            return std::nullopt;
        if (status != TKS_OK)
            throw Error(Owned<tks_error>(error));
        return Token(Owned<tks_token>(token));
    }

    /* Returns the generation of the token that get() would return now without waiting, or 0 if there is none. Takes about
       10 ns. */
    std::uint32_t generation() const noexcept { return tks_source_generation(source_.get()); }

    /* Reports that the API rejected this token, for example with a 401, before it expired. If it is the current token of the
       source, the next get() fetches another. An older token, or a token of another source, changes nothing. Does not
       wait. */
    void invalidate(const Token &token) const noexcept { tks_source_invalidate(source_.get(), token.token_.get()); }

    /* Returns the error of the last finished fetch. Returns nullopt if that fetch returned a token, or if no fetch has
       finished. Shows that refreshes fail while the token is still valid. */
    std::optional<Error> last_error() const {
        tks_error *error = nullptr;
        if (tks_source_last_error(source_.get(), &error) == TKS_OK)
            return std::nullopt;
        return Error(Owned<tks_error>(error));
    }

    Stats stats() const noexcept {
        const auto stat = [this](std::int32_t which) { return tks_source_stat(source_.get(), which); };
        return {stat(TKS_STAT_REQUESTS), stat(TKS_STAT_FAILURES), stat(TKS_STAT_TOKENS), stat(TKS_STAT_WAITS)};
    }

    /* Makes every call that waits on the source throw TKS_CLOSED now, and all later calls too. Tokens remain usable. Does not
       wait. */
    void close() const noexcept { tks_source_close(source_.get()); }

private:
    Owned<tks_source> source_;
};

/*
 * The fast path for a thread that calls an API often. It keeps one token, and before each use only checks that the token is
 * still current. Each thread needs its own TokenCache. The source must outlive it and must not be moved.
 */
class TokenCache {
public:
    explicit TokenCache(const Source &source) noexcept : source_(&source) {}
    explicit TokenCache(const Source &&) = delete;

    /* Returns the current token; the reference is valid until the next call. Waits and throws as Source::get does. */
    const Token &token() {
        const std::uint32_t generation = source_->generation();
        if (generation == 0 || generation != token_.generation()) {
            token_ = Token(nullptr);
            token_ = source_->get();
        }
        return token_;
    }

private:
    const Source *source_;
    Token token_{nullptr}; /* GCC 12 reports an optional token as "maybe uninitialized" */
};

} // namespace tokensource

#endif
