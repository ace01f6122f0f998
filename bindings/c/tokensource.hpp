/*
 * tokensource for C++17: the handles of tokensource.h as objects that free themselves, its errors as exceptions.
 *
 *     const tokensource::Source source(tokensource::Config{
 *         {"token_url", "https://login.example/oauth2/token"},
 *         {"client_id", "my-service"},
 *         {"client_secret_file", "/run/secrets/my-service"},
 *     });
 *     const tokensource::Token token = source.get();   // before each call of the API, from any thread
 *     request.header("Authorization", token.authorization());
 *     source.invalidate(token);                        // when the API answered 401 all the same
 *
 * There is nothing to link but the library itself, and nothing here decides anything: what a call does, when it waits and
 * what it costs is said in tokensource.h, function by function.
 *
 * Ownership. A Config, a Source and a Token each own one handle. They move and do not copy, and may end in any order. One
 * that was moved from may be ended, be assigned to and be asked: it answers as the C functions do for NULL.
 *
 * Errors. What fails throws an Error. What is `noexcept` never fails.
 *
 * Threads. All `const` members may be called from any thread at any time; a Source and a Token have no others, and a Config
 * and a Keeper are for one thread at a time. No call on an object may be running when it ends or is moved from:
 * Source::close ends those that wait.
 *
 * Text. In: UTF-8, copied by the library; one that holds a NUL is refused. Out: a string_view into the object that was
 * asked, whose data() ends with a NUL. Time is in seconds, or any duration that becomes them.
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

/* The one place that frees. */
struct Free {
    void operator()(tks_config *config) const noexcept { tks_config_free(config); }
    void operator()(tks_source *source) const noexcept { tks_source_free(source); }
    void operator()(tks_token *token) const noexcept { tks_token_free(token); }
    void operator()(tks_error *error) const noexcept { tks_error_free(error); }
};

template <typename Handle> using Owned = std::unique_ptr<Handle, Free>;

/*
 * What went wrong, with its parts. what() is one printable line without secrets: what happened, whose fault it is and what
 * to do next. Copying throws nothing; the copies share one handle.
 */
class Error : public std::runtime_error {
public:
    /* Takes an error that a call handed out: never none. */
    explicit Error(Owned<tks_error> error)
        : runtime_error(tks_error_message(error.get())), status_(tks_error_status(error.get())), error_(std::move(error)) {}

    /* An error of this header's own. */
    Error(tks_status status, const std::string &message) : runtime_error(message), status_(status) {}

    /* One of the TKS_ numbers. More may be added: keep a default branch. */
    tks_status status() const noexcept { return status_; }

    /* The server's code, such as "invalid_client" (RFC 6749 section 5.2). Empty unless the status is TKS_OAUTH. */
    std::optional<std::string> oauth_error() const { return text(tks_error_oauth_error(error_.get())); }

    /* The server's error_description, shortened and made printable. */
    std::optional<std::string> oauth_description() const { return text(tks_error_oauth_description(error_.get())); }

    /* The server's error_uri, where it is an http or https URL that can be shown whole. */
    std::optional<std::string> oauth_uri() const { return text(tks_error_oauth_uri(error_.get())); }

    /* The HTTP status of the server's answer. Empty: none came. */
    std::optional<int> http_status() const noexcept {
        const int status = tks_error_http_status(error_.get());
        return status != 0 ? std::optional<int>(status) : std::nullopt;
    }

    /* How long, from when this was thrown, until the source asks the server again: until then it throws this at once.
       Empty: it never will. */
    std::optional<Seconds> retry_after() const noexcept {
        const double seconds = error_ ? tks_error_retry_after(error_.get()) : -1;
        return seconds >= 0 ? std::optional<Seconds>(seconds) : std::nullopt;
    }

    /* Whether the same request may well succeed later with nothing changed here. */
    bool is_transient() const noexcept { return tks_error_is_transient(error_.get()) != 0; }

private:
    static std::optional<std::string> text(const char *text) {
        return text != nullptr ? std::optional<std::string>(text) : std::nullopt;
    }

    tks_status status_;
    std::shared_ptr<const tks_error> error_;
};

/*
 * A text on its way into the library, which nobody copies before it: a literal, a std::string, what getenv answers. None is
 * nullopt, or a null pointer. It is for arguments, and holds the text no longer than they live. A string_view does not fit,
 * since C cannot see where it ends: make a std::string of it.
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
 * What is asked of a token endpoint, and how: options as pairs of texts. Which there are is the library's to know; the
 * README lists them, and so does tks_option_name. Booleans are "true" and "false", durations seconds, such as "0.5".
 */
class Config {
public:
    /* Error: the loaded library is of another ABI than this header. */
    Config() : config_(tks_config_new()) {
        const std::uint32_t abi = tks_abi_version();
        if (abi != TKS_ABI_VERSION)
            throw Error(TKS_INTERNAL, "the loaded tokensource library speaks ABI " + std::to_string(abi)
                                          + ", tokensource.h ABI " + std::to_string(TKS_ABI_VERSION)
                                          + ": install matching versions of both");
        if (!config_)
            throw Error(TKS_INTERNAL, "the tokensource library has no config to give");
    }

    /* As set() of each pair, in their order. */
    Config(std::initializer_list<std::pair<Text, Text>> options) : Config() {
        for (const auto &[name, value] : options)
            set(name, value);
    }

    /*
     * Sets an option; none (nullopt, a null pointer) unsets it, even if the provider has it. The last call for a name wins,
     * and the order among names does not matter.
     *
     * Error TKS_INVALID_ARGUMENT: there is no such option, or the value does not suit it. The message says what would, and
     * the config is as it was.
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
 * An access token and what came with it. It never changes, only its time runs out, and it outlives its source. The texts
 * live as long as it does, so they cannot be asked of a temporary: give the token a name.
 */
class Token {
public:
    /* The token itself: visible ASCII. */
    std::string_view access_token() const & noexcept { return view(tks_token_access_token(token_.get())); }
    std::string_view access_token() const && = delete;

    /* The value of the Authorization header: "Bearer " and the token. */
    std::string_view authorization() const & noexcept { return view(tks_token_authorization(token_.get())); }
    std::string_view authorization() const && = delete;

    /* The type as the server wrote it; "Bearer" if it did not. */
    std::string_view type() const & noexcept { return view(tks_token_type(token_.get())); }
    std::string_view type() const && = delete;

    /* The scope that the server granted. Empty: it said nothing, which means what was asked (RFC 6749 section 5.1). */
    std::optional<std::string_view> scope() const & noexcept {
        const char *scope = tks_token_scope(token_.get());
        return scope != nullptr ? std::optional<std::string_view>(scope) : std::nullopt;
    }
    std::optional<std::string_view> scope() const && = delete;

    /* The JSON object that the server answered, without access_token, refresh_token and id_token. */
    std::string_view response() const & noexcept { return view(tks_token_response(token_.get())); }
    std::string_view response() const && = delete;

    /* When the token ends, to the second: the wall clock as it is now and expires_in(). */
    std::chrono::system_clock::time_point expires_at() const noexcept {
        return std::chrono::system_clock::time_point(std::chrono::seconds(tks_token_expires_at(token_.get())));
    }

    /* What the token has left now, whatever was done to the wall clock; 0 when it is past. */
    Seconds expires_in() const noexcept { return Seconds(tks_token_expires_in(token_.get())); }

    /* The token's number: see Source::generation. Never 0. */
    std::uint32_t generation() const noexcept { return tks_token_generation(token_.get()); }

private:
    friend class Source;
    friend class Keeper;
    explicit Token(Owned<tks_token> token) noexcept : token_(std::move(token)) {}

    static std::string_view view(const char *text) noexcept { return text != nullptr ? text : ""; }

    Owned<tks_token> token_;
};

/* Counts since a source was made. */
struct Stats {
    std::uint64_t requests; /* sent to the token endpoint */
    std::uint64_t failures; /* fetches that failed */
    std::uint64_t tokens;   /* fetches that brought a token */
    std::uint64_t waits;    /* calls that had to wait for a fetch */
};

/* Keeps a token good: one for each kind of token that the program needs, for as long as it runs. */
class Source {
public:
    /* Checks the config as a whole and copies it. Reads the files that it names; sends nothing and starts no thread.
       Error TKS_INVALID_CONFIG: an option is missing, two contradict each other or a file is unusable. */
    explicit Source(const Config &config) {
        tks_source *source = nullptr;
        tks_error *error = nullptr;
        const tks_status status = tks_source_new(config.config_.get(), &source, &error);
        source_.reset(source);
        if (status != TKS_OK)
            throw Error(Owned<tks_error>(error));
    }

    /*
     * A good token: at once while there is one, else after the one fetch that all callers share, at most the option
     * `timeout` from this call. While the source holds off after a failed fetch it throws that error at once.
     *
     * Error: the fetch failed, see its status and retry_after(). TKS_CLOSED: the source was closed.
     */
    Token get() const {
        tks_token *token = nullptr;
        tks_error *error = nullptr;
        if (tks_source_get(source_.get(), &token, &error) != TKS_OK)
            throw Error(Owned<tks_error>(error));
        return Token(Owned<tks_token>(token));
    }

    /* As get(), but waits no longer than this. Empty: the fetch is still running, ask again; an event loop passes 0s and
       comes back after 1, 2, 4 ... 50 ms. Called once with 0s and ignored, it warms the source up. */
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

    /* The number of the token that get() would return now without waiting, 0 if there is none: about 10 ns. */
    std::uint32_t generation() const noexcept { return tks_source_generation(source_.get()); }

    /* Says that the API refused this token, with a 401 for example. If it is still the current one, the next get() fetches
       another; an older or another source's does nothing. Does not wait. */
    void invalidate(const Token &token) const noexcept { tks_source_invalidate(source_.get(), token.token_.get()); }

    /* Why the last finished fetch failed; empty if it brought a token or none has finished. Shows that refreshes fail while
       the token is still good. */
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

    /* Whoever waits on the source gets the Error TKS_CLOSED now, as do all later calls. Tokens stay as they are. Does not
       wait. */
    void close() const noexcept { tks_source_close(source_.get()); }

private:
    Owned<tks_source> source_;
};

/*
 * The quick way for a thread that calls an API often: keeps one token and asks before each call only whether it is still
 * the one. Each thread has its own, and the source stays where it is for as long.
 */
class Keeper {
public:
    explicit Keeper(const Source &source) noexcept : source_(&source) {}
    explicit Keeper(const Source &&) = delete;

    /* The token of now, good until the next call of this. Waits and throws as Source::get does. */
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
    Token token_{nullptr}; /* an optional one would be "maybe uninitialized" to GCC 12 */
};

} // namespace tokensource

#endif
