use super::*;
use crate::{
    clock::Clock,
    oauth::times::{ExpirySource, StatedExpiry},
    secret::Secret,
    source::repeat::LifetimeSource,
    system::FileState,
};
use std::sync::Arc;

/// The middle of the jitter: a factor of 1 for the refresh lead, of 0.875 for a hold-off.
const MIDDLE: f64 = 0.5;
const TICK: Nanos = 10_000_000;
/// Where the tests begin, at another time on each clock.
const ZERO: Now = Now { coarse: Coarse { monotonic: 7_000 * SECOND, wall: 1_000_000 * SECOND }, boot: 0 };

fn at(instant: Nanos) -> Now {
    let coarse = Coarse { monotonic: ZERO.coarse.monotonic + instant, wall: ZERO.coarse.wall + instant };
    Now { coarse, boot: instant }
}

fn new_state() -> SourceState {
    SourceState::new(at(0), 0)
}

fn cached_token(generation: u32, sent: Nanos, lifetime: u64) -> CachedToken {
    cached_token_of("token-0", generation, sent, lifetime)
}

fn grant(text: &str, expiry: StatedExpiry) -> Grant {
    Grant {
        access_token: Secret::new(text),
        token_type: "Bearer".into(),
        scope: None,
        expiry,
        jwt_left: None,
        response: Secret::new("{}"),
        rotated_refresh_token: None,
    }
}

fn cached_token_of(text: &str, generation: u32, sent: Nanos, lifetime: u64) -> CachedToken {
    let lifetime = Duration::from_secs(lifetime);
    let grant = grant(text, StatedExpiry::NotStated);
    let times = FetchTimes { started: sent, sent, arrived: sent, lifetime, expiry_margin: None, refresh_ahead: None };
    let schedule = Schedule::new(&times, MIDDLE).unwrap();
    let end = sent + nanos(lifetime);
    let token = Arc::new(Token::new(grant, end, generation, 0, Clock::System));
    let lifetime_from = LifetimeSource::ExpiresIn;
    CachedToken { token, schedule, known: KnownEnd { end, lifetime_from, last_possible_end: end + SECOND } }
}

/// Caches a token of 100 s, requested at `sent`. It is ageing from 70 s and expired from 90 s after its start, which is
/// one tick before `sent`.
fn succeed(state: &mut SourceState, sent: Nanos) -> Arc<Token> {
    let cached = cached_token(state.next_generation(), sent, 100);
    state.fetch_succeeded(cached.clone(), sent, sent);
    cached.token
}

fn fail(state: &mut SourceState, error: Error, now: Nanos) {
    state.fetch_failed(error, Vec::new(), now, MIDDLE);
}

fn retryable() -> Error {
    Error::new(ErrorKind::Network, "no route").retryable()
}

fn permanent() -> Error {
    Error::new(ErrorKind::OAuth, "invalid_client")
}

fn with_wait(error: Error, seconds: u64) -> Error {
    error.with_server_wait(Some(Duration::from_secs(seconds)))
}

/// Returns the decision in a word. The generation must be set exactly when a token is served and nothing else is done.
fn decision(state: &SourceState, now: Nanos) -> &'static str {
    let word = match state.decide(now) {
        Decision::Serve(_) => "serve",
        Decision::ServeAndRefresh(_) => "serve and refresh",
        Decision::AwaitFetch => "await",
        Decision::StartFetch(FetchReason::NoToken) => "fetch",
        Decision::StartFetch(FetchReason::Probe) => "probe",
        Decision::StartFetch(FetchReason::Refresh) => unreachable!("a refresh serves a token"),
        Decision::Fail(_) => "fail",
        Decision::FailUnlessPolling(_) => "fail unless polling",
        Decision::Closed => "closed",
    };
    assert_eq!(state.fast_view().generation(at(now).coarse) != 0, word == "serve", "{word} at {now}");
    word
}

/// Returns the decisions one nanosecond before the instant, at the instant and one nanosecond after it.
fn around(state: &SourceState, instant: Nanos) -> [&'static str; 3] {
    [-1, 0, 1].map(|by| decision(state, instant + by))
}

#[test]
fn a_token_is_served_then_ageing_then_expired_to_the_nanosecond() {
    let mut state = new_state();
    assert_eq!(decision(&state, 0), "fetch");
    succeed(&mut state, 0);
    assert_eq!(decision(&state, 0), "serve");
    assert_eq!(around(&state, 70 * SECOND - TICK), ["serve", "serve and refresh", "serve and refresh"]);
    assert_eq!(around(&state, 90 * SECOND - TICK), ["serve and refresh", "fetch", "fetch"]);
}

#[test]
fn no_caller_waits_for_a_refresh_until_the_token_has_expired() {
    let mut state = new_state();
    succeed(&mut state, 0);
    state.rebase(at(75 * SECOND));
    state.begin_fetch(FetchReason::Refresh, Nanos::MAX);
    assert_eq!(around(&state, 90 * SECOND - TICK), ["serve", "await", "await"]);
}

#[test]
fn a_caller_without_a_token_awaits_the_fetch_in_flight() {
    let mut state = new_state();
    state.begin_fetch(FetchReason::NoToken, Nanos::MAX);
    assert_eq!(decision(&state, 0), "await");
}

#[test]
fn a_retryable_failure_is_held_off_for_a_second_doubling_to_thirty_then_probed() {
    let mut state = new_state();
    let mut now = 0;
    for seconds in [1, 2, 4, 8, 16, 30, 30] {
        fail(&mut state, retryable(), now);
        now += seconds * SECOND / 8 * 7;
        assert_eq!(around(&state, now), ["fail", "probe", "probe"]);
        state.rebase(at(now));
        state.begin_fetch(FetchReason::Probe, Nanos::MAX);
        assert_eq!(decision(&state, now), "fail unless polling");
    }
}

#[test]
fn a_permanent_failure_is_held_off_for_a_minute() {
    let mut state = new_state();
    fail(&mut state, permanent(), 0);
    assert_eq!(around(&state, 60 * SECOND), ["fail", "probe", "probe"]);
}

#[test]
fn retry_after_replaces_a_retryable_hold_off_and_lengthens_a_permanent_one() {
    let held = |error| {
        let mut state = new_state();
        fail(&mut state, error, 0);
        state
    };
    let probed_at = |error, seconds| assert_eq!(around(&held(error), seconds * SECOND), ["fail", "probe", "probe"]);
    probed_at(with_wait(retryable(), 0), 1);
    probed_at(with_wait(retryable(), 20), 20);
    probed_at(with_wait(retryable(), 90_000), 3600);
    probed_at(with_wait(permanent(), 10), 60);
    probed_at(with_wait(permanent(), 100), 100);
}

#[test]
fn an_error_carries_the_time_left_of_the_hold_off() {
    let mut state = new_state();
    fail(&mut state, permanent(), 0);
    let left = |now| state.error_as_of(state.last_error().unwrap(), now).retry_after();
    assert_eq!(left(0), Some(Duration::from_secs(60)));
    assert_eq!(left(60 * SECOND - 1), Some(Duration::from_nanos(1)));
    assert_eq!(left(61 * SECOND), Some(Duration::ZERO));
}

#[test]
fn a_failed_refresh_is_held_off_while_the_token_is_served() {
    let mut state = new_state();
    succeed(&mut state, 0);
    let now = 75 * SECOND;
    state.rebase(at(now));
    state.begin_fetch(FetchReason::Refresh, Nanos::MAX);
    fail(&mut state, with_wait(retryable(), 5), now);
    assert_eq!(around(&state, now + 5 * SECOND), ["serve", "serve and refresh", "serve and refresh"]);
    assert_eq!(state.error_as_of(state.last_error().unwrap(), now).retry_after(), Some(Duration::from_secs(5)));
}

#[test]
fn our_hold_off_of_a_refresh_ends_with_the_token_and_the_failure_count_does_not() {
    let mut state = new_state();
    succeed(&mut state, 0);
    let now = 75 * SECOND;
    state.rebase(at(now));
    fail(&mut state, permanent(), now);
    let end = 90 * SECOND - TICK;
    assert_eq!(around(&state, end), ["serve", "fetch", "fetch"]);
    state.rebase(at(end));
    fail(&mut state, retryable(), end);
    // The second failure in a row holds off for 2 s, and without a token this hold-off does not end early.
    assert_eq!(around(&state, end + 2 * SECOND / 8 * 7), ["fail", "probe", "probe"]);
}

#[test]
fn the_servers_hold_off_of_a_refresh_outlives_the_token() {
    let mut state = new_state();
    succeed(&mut state, 0);
    let now = 75 * SECOND;
    state.rebase(at(now));
    fail(&mut state, with_wait(retryable(), 30), now);
    assert_eq!(around(&state, 90 * SECOND - TICK), ["serve", "fail", "fail"]);
    assert_eq!(around(&state, now + 30 * SECOND), ["fail", "probe", "probe"]);
    // A hold-off that ends with the token, or before it, does not count afterwards.
    fail(&mut state, with_wait(retryable(), 10), 80 * SECOND - TICK);
    assert_eq!(around(&state, 90 * SECOND - TICK), ["serve", "fetch", "fetch"]);
    fail(&mut state, with_wait(retryable(), 10), now);
    assert_eq!(around(&state, 90 * SECOND - TICK), ["serve and refresh", "fetch", "fetch"]);
}

#[test]
fn an_invalidated_token_is_not_served_again() {
    let mut state = new_state();
    let token = succeed(&mut state, 0);
    state.rebase(at(10 * SECOND));
    assert_eq!(state.invalidate(&token, 10 * SECOND), Update::Publish);
    assert_eq!(decision(&state, 10 * SECOND), "fetch");
    assert_eq!(state.invalidate(&token, 10 * SECOND), Update::Keep);
    fail(&mut state, permanent(), 11 * SECOND);
    assert_eq!(decision(&state, 12 * SECOND), "fail");
}

#[test]
fn any_handle_with_the_text_of_the_current_token_can_invalidate_it_and_no_other() {
    let mut state = new_state();
    let token = succeed(&mut state, 0);
    let equal = cached_token(token.generation() + 1, 0, 100).token;
    assert_eq!(state.clone().invalidate(&equal, SECOND), Update::Publish);
    let other = cached_token_of("other", token.generation(), 0, 100).token;
    assert_eq!(state.invalidate(&other, SECOND), Update::Keep);
    assert_eq!(state.invalidate(&token, 90 * SECOND - TICK), Update::Keep);
    assert_eq!(decision(&state, SECOND), "serve");
    assert_eq!(state.invalidate(&token, 90 * SECOND - TICK - 1), Update::Publish);
}

#[test]
fn after_invalidate_callers_await_the_refresh_in_flight() {
    let mut state = new_state();
    let token = succeed(&mut state, 0);
    state.rebase(at(75 * SECOND));
    state.begin_fetch(FetchReason::Refresh, Nanos::MAX);
    assert_eq!(state.invalidate(&token, 75 * SECOND), Update::Publish);
    assert_eq!(decision(&state, 75 * SECOND), "await");
    succeed(&mut state, 75 * SECOND);
    assert_eq!(decision(&state, 75 * SECOND), "serve");
}

#[test]
fn invalidate_ends_our_hold_off_and_keeps_the_servers() {
    for (error, words) in [
        (permanent(), ["fetch", "fetch", "fetch"]),
        (with_wait(retryable(), 10), ["fail", "probe", "probe"]),
        (with_wait(permanent(), 10), ["fail", "probe", "probe"]),
    ] {
        let mut state = new_state();
        let token = succeed(&mut state, 0);
        state.rebase(at(75 * SECOND));
        fail(&mut state, error, 75 * SECOND);
        assert_eq!(state.invalidate(&token, 76 * SECOND), Update::Publish);
        assert_eq!(around(&state, 85 * SECOND), words);
    }
    let mut state = new_state();
    let token = succeed(&mut state, 0);
    state.rebase(at(75 * SECOND));
    fail(&mut state, with_wait(retryable(), 10), 75 * SECOND);
    assert_eq!(state.invalidate(&token, 85 * SECOND), Update::Publish);
    assert_eq!(decision(&state, 85 * SECOND), "fetch");
}

/// Invalidates the current token, and replaces it at once if that takes effect. Returns whether it did.
fn takes_effect(state: &mut SourceState, token: &mut Arc<Token>, now: Nanos) -> bool {
    let takes_effect = state.invalidate(token, now) == Update::Publish;
    if takes_effect {
        *token = succeed(state, now);
    }
    takes_effect
}

#[test]
fn rejected_replacements_are_ignored_for_a_second_doubling_to_sixty() {
    let mut state = new_state();
    let mut token = succeed(&mut state, 0);
    assert!(takes_effect(&mut state, &mut token, 0));
    assert!(takes_effect(&mut state, &mut token, 0));
    let mut now = 0;
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        // A replacement after 100 s is an ordinary refresh: the limiter must not count it.
        token = succeed(&mut state, now);
        now += seconds * SECOND;
        assert!(!takes_effect(&mut state, &mut token, now - 1), "{seconds}");
        assert!(takes_effect(&mut state, &mut token, now), "{seconds}");
    }
}

#[test]
fn the_invalidate_limiter_resets_after_a_minute() {
    for (after, limited) in [(60 * SECOND - 1, true), (60 * SECOND, false)] {
        let mut state = new_state();
        let mut token = succeed(&mut state, 0);
        assert!(takes_effect(&mut state, &mut token, 5 * SECOND));
        let now = 5 * SECOND + after;
        assert!(takes_effect(&mut state, &mut token, now));
        assert_eq!(!takes_effect(&mut state, &mut token, now + 1), limited, "{after}");
    }
}

#[test]
fn the_limiters_minute_counts_from_the_replacement_and_from_no_later_token() {
    let mut state = new_state();
    let token = succeed(&mut state, 0);
    assert_eq!(state.invalidate(&token, SECOND), Update::Publish);
    let mut token = succeed(&mut state, 50 * SECOND);
    assert!(takes_effect(&mut state, &mut token, 100 * SECOND));
    assert!(!takes_effect(&mut state, &mut token, 100 * SECOND), "the replacement came 50 s ago");

    let mut state = new_state();
    let token = succeed(&mut state, 0);
    assert_eq!(state.invalidate(&token, SECOND), Update::Publish);
    succeed(&mut state, SECOND);
    let mut token = succeed(&mut state, 70 * SECOND);
    assert!(takes_effect(&mut state, &mut token, 75 * SECOND));
    assert!(takes_effect(&mut state, &mut token, 75 * SECOND), "its first replacement was valid for long enough");
}

#[test]
fn an_ageing_token_is_not_refreshed_before_the_spacing() {
    let mut state = new_state();
    let cached = cached_token(1, 0, 1);
    // Ageing from 0.7 s and expired from 0.9 s after its start; the spacing ends at 1 s.
    state.fetch_succeeded(cached, 0, 0);
    assert_eq!(around(&state, 7 * SECOND / 10 - TICK), ["serve"; 3]);
    assert_eq!(around(&state, 9 * SECOND / 10 - TICK), ["serve", "fetch", "fetch"]);
    assert_eq!(state.next_fetch_at(), SECOND);
}

#[test]
fn the_spacing_counts_from_the_start_of_a_fetch_and_is_waived_after_an_invalidation() {
    let mut state = new_state();
    let cached = cached_token(1, 4 * SECOND, 100);
    state.fetch_succeeded(cached.clone(), 3 * SECOND, 5 * SECOND);
    assert_eq!(state.next_fetch_at(), 4 * SECOND);
    assert_eq!(state.invalidate(&cached.token, 5 * SECOND), Update::Publish);
    assert_eq!(state.next_fetch_at(), Nanos::MIN);
    // The refresh in flight is the first fetch after the invalidation. The next one keeps the spacing.
    let token = succeed(&mut state, 6 * SECOND);
    state.begin_fetch(FetchReason::Refresh, Nanos::MAX);
    assert_eq!(state.invalidate(&token, 66 * SECOND), Update::Publish);
    assert_eq!(state.next_fetch_at(), 7 * SECOND);
}

#[test]
fn a_set_clock_or_a_sleep_shows_beyond_the_tolerance_and_boot_time_corrects_it() {
    let mut state = new_state();
    succeed(&mut state, 0);
    let moved = |by: Nanos| {
        let mut now = at(SECOND);
        now.coarse.wall += by;
        (state.checked_boot_time_at(now.coarse).is_some(), state.fast_view().generation(now.coarse) != 0)
    };
    // The margin is 10 s, so the tolerance is 2 s.
    for by in [2 * SECOND, -2 * SECOND] {
        assert_eq!(moved(by), (true, true));
    }
    for by in [2 * SECOND + 1, -2 * SECOND - 1, 86_400 * SECOND, -86_400 * SECOND] {
        assert_eq!(moved(by), (false, false));
    }
    // The machine slept 80 s.
    let mut now = at(5 * SECOND);
    now.coarse.wall += 80 * SECOND;
    now.boot += 80 * SECOND;
    assert_eq!(state.rebase(now), 85 * SECOND);
    assert_eq!(state.checked_boot_time_at(now.coarse), Some(85 * SECOND));
    assert_eq!(state.fast_view().generation(now.coarse), 0);
}

#[test]
fn the_tolerance_is_the_margin_between_a_fiftieth_and_two_seconds() {
    let tolerance = |lifetime, margin| {
        let mut state = new_state();
        let mut cached = cached_token(1, 0, lifetime);
        cached.schedule.expiry_margin = margin;
        state.fetch_succeeded(cached, 0, 0);
        state.fast_view().tolerance
    };
    assert_eq!(tolerance(100, 10 * SECOND), 2 * SECOND);
    assert_eq!(tolerance(10, SECOND), SECOND);
    assert_eq!(tolerance(10, 0), SECOND / 50);
    assert_eq!(new_state().fast_view().tolerance, 2 * SECOND);
}

/// Sets the wall clock forward against the boot clock, at an instant.
fn jump(state: &mut SourceState, now: Nanos, by: Nanos) {
    let mut now = at(now);
    now.coarse.wall += by;
    state.rebase(now);
    // The clock was set back again, so that `at` holds.
    state.base = Now { boot: now.boot, ..at(now.boot) };
}

#[test]
fn a_wall_clock_that_is_set_forward_by_more_than_two_seconds_makes_the_token_due_for_refresh() {
    let after = |by| {
        let mut state = new_state();
        succeed(&mut state, 0);
        jump(&mut state, 10 * SECOND, by);
        decision(&state, 10 * SECOND)
    };
    assert_eq!([2 * SECOND, 2 * SECOND + 1].map(after), ["serve", "serve and refresh"]);
    assert_eq!(
        [-2 * SECOND - 1, -86_400 * SECOND, 86_400 * SECOND].map(after),
        ["serve", "serve", "serve and refresh"]
    );
    assert_eq!([i64::MIN / 4, i64::MAX / 4].map(after), ["serve", "serve and refresh"]);
    let mut state = new_state();
    succeed(&mut state, 0);
    let mut now = at(10 * SECOND);
    now.coarse.wall += 50 * SECOND;
    now.boot += 50 * SECOND;
    state.rebase(now);
    assert!(matches!(state.decide(60 * SECOND), Decision::Serve(_)), "the boot clock shares the time of a sleep");
}

#[test]
fn a_clock_that_is_set_forward_causes_one_refresh_a_minute() {
    let mut state = new_state();
    succeed(&mut state, 0);
    jump(&mut state, SECOND, 10 * SECOND);
    jump(&mut state, 2 * SECOND, 10 * SECOND);
    assert_eq!(decision(&state, 2 * SECOND), "serve and refresh");
    succeed(&mut state, 2 * SECOND);
    assert_eq!(decision(&state, 4 * SECOND), "serve");
    jump(&mut state, 4 * SECOND, 10 * SECOND);
    assert_eq!(around(&state, 61 * SECOND), ["serve", "serve and refresh", "serve and refresh"]);
    fail(&mut state, permanent(), 61 * SECOND);
    assert_eq!(decision(&state, 62 * SECOND), "serve", "a failed refresh is held off like any other");
}

#[test]
fn a_clock_that_is_set_forward_during_a_fetch_counts_for_what_the_fetch_brings() {
    let mut state = new_state();
    state.begin_fetch(FetchReason::NoToken, Nanos::MAX);
    jump(&mut state, SECOND, 10 * SECOND);
    succeed(&mut state, SECOND);
    assert_eq!(decision(&state, SECOND), "serve and refresh", "the refresh need not keep the spacing");

    let mut state = new_state();
    succeed(&mut state, 0);
    state.begin_fetch(FetchReason::Refresh, Nanos::MAX);
    jump(&mut state, 10 * SECOND, 10 * SECOND);
    fail(&mut state, with_wait(retryable(), 5), 10 * SECOND);
    assert_eq!(around(&state, 15 * SECOND), ["serve", "serve and refresh", "serve and refresh"]);
    let mut without_token = new_state();
    jump(&mut without_token, SECOND, 10 * SECOND);
    succeed(&mut without_token, 2 * SECOND);
    assert_eq!(decision(&without_token, 4 * SECOND), "serve", "nothing was in flight");
}

#[test]
fn boot_time_never_goes_back() {
    let mut state = new_state();
    let mut now = at(10 * SECOND);
    now.boot = 9 * SECOND;
    assert_eq!(state.rebase(now), 10 * SECOND);
    assert_eq!(state.checked_boot_time_at(now.coarse), Some(10 * SECOND));
}

fn files() -> Vec<WatchedFile> {
    ["secret", "cert"].map(|path| WatchedFile { path: path.into(), state: FileState::Missing }).into()
}

#[test]
fn a_changed_file_ends_our_hold_off_and_keeps_the_servers() {
    let held = |error| {
        let mut state = new_state();
        state.fetch_failed(error, files(), 0, MIDDLE);
        state
    };
    for kind in [ErrorKind::OAuth, ErrorKind::Tls, ErrorKind::InvalidConfig] {
        let mut state = held(Error::new(kind, ""));
        assert_eq!(state.watched_files(), files());
        assert_eq!(state.file_changed(&files()[1..], 0), Update::Keep, "another failure is held off");
        assert_eq!(state.file_changed(&[], 0), Update::Keep);
        assert_eq!(state.file_changed(&files(), 0), Update::Publish);
        assert_eq!(decision(&state, 0), "fetch");
        assert_eq!(state.watched_files(), []);
    }
    let mut state = held(with_wait(permanent(), 10));
    assert_eq!(state.file_changed(&files(), 0), Update::Publish);
    assert_eq!(around(&state, 10 * SECOND), ["fail", "probe", "probe"]);
    assert_eq!(held(with_wait(retryable(), 10)).watched_files(), []);
    let mut without_file = new_state();
    fail(&mut without_file, permanent(), 0);
    assert_eq!(without_file.watched_files(), []);
}

#[test]
fn a_file_that_changes_each_second_ends_one_hold_off_in_ten_seconds() {
    let mut state = new_state();
    state.fetch_failed(permanent(), files(), SECOND, MIDDLE);
    assert_eq!(state.file_changed(&files(), SECOND), Update::Publish);
    state.fetch_failed(permanent(), files(), SECOND, MIDDLE);
    let at = |by| state.clone().file_changed(&files(), 11 * SECOND + by);
    assert_eq!([at(-1), at(0), at(1)], [Update::Keep, Update::Publish, Update::Publish]);
}

#[test]
fn the_generation_is_0_while_a_changed_file_may_end_the_hold_off() {
    let mut state = new_state();
    succeed(&mut state, 0);
    state.fetch_failed(permanent(), files(), 75 * SECOND, MIDDLE);
    assert!(matches!(state.decide(76 * SECOND), Decision::Serve(_)));
    assert_eq!(state.fast_view().generation(at(76 * SECOND).coarse), 0);
    state.begin_fetch(FetchReason::Refresh, Nanos::MAX);
    assert_eq!(decision(&state, 76 * SECOND), "serve");
}

#[test]
fn a_child_of_a_fork_keeps_the_token_and_the_hold_off_and_has_its_own_jitter() {
    let mut state = new_state();
    succeed(&mut state, 0);
    state.begin_fetch(FetchReason::Refresh, Nanos::MAX);
    state.after_fork(1, SECOND, 0.0);
    assert_eq!((state.forks(), state.fetch_in_flight()), (1, None));
    assert_eq!(around(&state, 74 * SECOND - TICK), ["serve", "serve and refresh", "serve and refresh"]);
    // A new jitter must not move the refresh of a token that is ageing already.
    let mut state = new_state();
    succeed(&mut state, 0);
    state.after_fork(1, 70 * SECOND - TICK, 0.0);
    assert_eq!(decision(&state, 70 * SECOND - TICK), "serve and refresh");
    fail(&mut state, permanent(), 100 * SECOND);
    state.after_fork(2, 101 * SECOND, 0.0);
    assert_eq!(decision(&state, 101 * SECOND), "fail");
}

#[test]
fn a_closed_source_has_no_token_and_no_retry() {
    let mut state = new_state();
    succeed(&mut state, 0);
    fail(&mut state, permanent(), 0);
    state.close();
    assert_eq!(decision(&state, 0), "closed");
    assert_eq!(
        state.error_as_of(state.last_error().unwrap(), 0).retry_after(),
        None,
        "a closed source sends no more requests"
    );
    assert!(state.is_closed() && !state.has_valid_token(0));
}

#[test]
fn generations_count_up_and_wrap_past_zero() {
    let mut state = new_state();
    assert_eq!(state.next_generation(), 1);
    succeed(&mut state, 0);
    assert_eq!(state.next_generation(), 2);
    state.fetch_succeeded(cached_token(u32::MAX, 0, 100), 0, 0);
    assert_eq!(state.next_generation(), 1);
}

fn timeout() -> Error {
    Error::new(ErrorKind::Timeout, "no response").retryable()
}

#[test]
fn a_fetch_that_ends_more_than_a_second_after_its_deadline_is_forgiven_once_in_a_row() {
    let deadline = 30 * SECOND;
    let forgiven = |state: &mut SourceState, error: &Error, now| state.forgive_fetch(error, deadline, now);
    for (by, expected) in [(-1, false), (0, false), (1, true)] {
        let mut state = new_state();
        state.begin_fetch(FetchReason::NoToken, deadline);
        assert_eq!(forgiven(&mut state, &timeout(), 31 * SECOND + by), expected, "{by}");
        assert_eq!(state.fetch_in_flight().is_none(), expected);
    }
    let mut state = new_state();
    state.begin_fetch(FetchReason::NoToken, deadline);
    assert!(forgiven(&mut state, &timeout(), 40 * SECOND));
    assert_eq!((decision(&state, 40 * SECOND), state.last_error().is_none()), ("fetch", true));
    state.begin_fetch(FetchReason::NoToken, deadline);
    assert!(!forgiven(&mut state, &timeout(), 80 * SECOND), "the second in a row");
    fail(&mut state, timeout(), 80 * SECOND);
    state.begin_fetch(FetchReason::NoToken, deadline);
    assert!(forgiven(&mut state, &timeout(), 120 * SECOND), "a failure ends the row");
    succeed(&mut state, 120 * SECOND);
    state.begin_fetch(FetchReason::Refresh, deadline);
    assert!(forgiven(&mut state, &timeout(), 200 * SECOND), "a token ends the row");
}

#[test]
fn only_what_a_frozen_process_may_cause_is_forgiven() {
    let kinds = [
        (ErrorKind::Timeout, true),
        (ErrorKind::Network, true),
        (ErrorKind::Tls, true),
        (ErrorKind::BadResponse, false),
        (ErrorKind::Http, false),
        (ErrorKind::OAuth, false),
        (ErrorKind::InvalidConfig, false),
        (ErrorKind::Internal, false),
    ];
    let forgiven = |error: &Error| new_state().forgive_fetch(error, 0, 10 * SECOND);
    for (kind, expected) in kinds {
        assert_eq!(forgiven(&Error::new(kind, "")), expected, "{kind:?}");
    }
    assert!(forgiven(&Error::new(ErrorKind::BadResponse, "it had expired when it arrived").retryable()));
    assert!(!forgiven(&Error::new(ErrorKind::Http, "503").retryable()), "the server itself refused");
}

#[test]
fn a_call_does_not_join_an_overdue_fetch_and_starts_one_in_its_place_once_in_a_row() {
    let mut state = new_state();
    state.begin_fetch(FetchReason::NoToken, 30 * SECOND);
    assert_eq!(around(&state, 31 * SECOND + 1), ["await", "fetch", "fetch"]);
    state.begin_fetch(FetchReason::NoToken, 70 * SECOND);
    assert_eq!(around(&state, 71 * SECOND + 1), ["await"; 3]);

    let mut state = new_state();
    fail(&mut state, permanent(), 0);
    state.begin_fetch(FetchReason::Probe, 90 * SECOND);
    assert_eq!(around(&state, 91 * SECOND + 1), ["fail unless polling", "probe", "probe"]);

    let mut state = new_state();
    succeed(&mut state, 0);
    state.rebase(at(75 * SECOND));
    state.begin_fetch(FetchReason::Refresh, 80 * SECOND);
    assert_eq!(around(&state, 81 * SECOND + 1), ["serve", "serve and refresh", "serve and refresh"]);
}

const RULES: LifeRules = LifeRules {
    lifetimes: LifetimeRules { default: Duration::from_secs(600), ended: Duration::from_secs(60), most: Duration::MAX },
    expiry_margin: None,
    refresh_ahead: None,
};

/// Enters a response that arrives at once. Returns a word for it, the generation and the seconds that the token has left.
fn arrive(state: &mut SourceState, text: &str, expiry: StatedExpiry, now: Nanos) -> (&'static str, u32, Nanos) {
    state.begin_fetch(FetchReason::NoToken, Nanos::MAX);
    let granted = TimedGrant { grant: grant(text, expiry), sent: now };
    let make = |grant, end, generation| Token::new(grant, end, generation, 0, Clock::System);
    let arrival = state.grant_arrived(granted, (now, now), RULES, MIDDLE, make);
    match arrival {
        Arrival::Token(cached) => {
            let left = (cached.schedule.unusable_at + cached.schedule.expiry_margin + TICK - now) / SECOND;
            ("token", cached.token.generation(), left)
        }
        Arrival::Nothing => ("nothing", 0, 0),
        Arrival::Failed { error, .. } => {
            assert!(error.kind() == ErrorKind::BadResponse && error.is_transient());
            fail(state, error, now);
            ("failed", 0, 0)
        }
    }
}

fn left(seconds: u64) -> StatedExpiry {
    StatedExpiry::In { left: Duration::from_secs(seconds), told_by: ExpirySource::ExpiresIn }
}

const ENDED: StatedExpiry = StatedExpiry::Ended { told_by: ExpirySource::ExpiresIn };

#[test]
fn the_third_repeat_in_a_row_that_states_an_end_of_zero_is_a_failure() {
    let mut state = new_state();
    assert_eq!(arrive(&mut state, "a", left(100), 0), ("token", 1, 100));
    for second in [50, 51] {
        assert_eq!(arrive(&mut state, "a", ENDED, second * SECOND).0, "nothing");
        assert_eq!((state.next_fetch_at(), state.last_error().is_none()), ((second + 1) * SECOND, true));
        state.rebase(at(second * SECOND));
        assert_eq!(decision(&state, second * SECOND), "fetch");
    }
    for second in [52, 54] {
        assert_eq!(arrive(&mut state, "a", ENDED, second * SECOND).0, "failed");
    }
    assert_eq!(around(&state, 54 * SECOND + 2 * SECOND / 8 * 7), ["fail", "probe", "probe"], "the second failure");
    assert_eq!(arrive(&mut state, "a", left(100), 60 * SECOND), ("token", 2, 100), "extended");
    assert_eq!(arrive(&mut state, "a", ENDED, 70 * SECOND).0, "nothing", "the row begins again");
    assert_eq!(arrive(&mut state, "b", left(100), 71 * SECOND), ("token", 3, 100));
}

#[test]
fn a_text_is_known_while_it_is_in_hand_or_was_the_last_that_was_rejected() {
    let mut state = new_state();
    arrive(&mut state, "a", left(100), 0);
    let a = state.cached.clone().unwrap().token;
    assert_eq!(state.invalidate(&a, SECOND), Update::Publish);
    assert_eq!(arrive(&mut state, "a", left(1000), 2 * SECOND), ("token", 2, 98), "its old end");
    assert_eq!(arrive(&mut state, "b", left(1000), 3 * SECOND), ("token", 3, 1000));
    assert_eq!(arrive(&mut state, "a", left(1000), 4 * SECOND), ("token", 4, 1000), "another text had come");
    assert_eq!(arrive(&mut state, "a", left(1000), 5 * SECOND), ("token", 4, 999), "the same token");
}

#[test]
fn a_child_of_a_fork_knows_the_texts_of_its_parent() {
    let mut state = new_state();
    arrive(&mut state, "a", left(100), 0);
    let a = state.cached.clone().unwrap().token;
    let mut child = state.clone();
    child.after_fork(1, SECOND, MIDDLE);
    assert_eq!(arrive(&mut child, "a", left(100), 50 * SECOND), ("token", 1, 50));
    state.invalidate(&a, SECOND);
    state.after_fork(1, SECOND, MIDDLE);
    assert_eq!(arrive(&mut state, "a", left(100), 50 * SECOND), ("token", 2, 50));
    assert_eq!(arrive(&mut state, "a", ENDED, 51 * SECOND).0, "nothing");
}

#[test]
fn metadata_is_kept_by_a_fork_a_failure_and_a_rejected_token_until_another_comes() {
    let document = |host: &str| {
        let token_endpoint = crate::config::Endpoint::parse(&format!("https://{host}/t")).unwrap();
        let metadata = Arc::new(crate::oauth::metadata::Metadata { token_endpoint, auth_methods: Vec::new() });
        KnownMetadata { metadata, due: 5 }
    };
    let known =
        |state: &SourceState| state.metadata().map(|known| (known.metadata.token_endpoint.host.clone(), known.due));
    let mut state = new_state();
    assert_eq!(known(&state), None);
    state.metadata_arrived(document("a"));
    let token = succeed(&mut state, 0);
    state.invalidate(&token, SECOND);
    fail(&mut state, Error::new(ErrorKind::Http, ""), 2 * SECOND);
    state.after_fork(1, 3 * SECOND, MIDDLE);
    assert_eq!(known(&state), Some(("a".into(), 5)));
    state.metadata_arrived(document("b"));
    assert_eq!(known(&state), Some(("b".into(), 5)));
}

#[test]
fn a_token_of_which_no_end_is_stated_moves_its_end_for_every_handle() {
    let clock = crate::clock::test::TestClock::new();
    let mut state = new_state();
    let zero = clock.now().boot;
    for (second, expiry, end) in
        [(0, StatedExpiry::NotStated, 600), (400, StatedExpiry::NotStated, 1000), (900, ENDED, 960)]
    {
        state.begin_fetch(FetchReason::NoToken, Nanos::MAX);
        let now = zero + second * SECOND;
        let make = |grant, end, generation| Token::new(grant, end, generation, 0, Clock::Test(clock.clone()));
        let granted = TimedGrant { grant: grant("a", expiry), sent: now };
        state.grant_arrived(granted, (now, now), RULES, MIDDLE, make);
        let token = state.cached.clone().unwrap().token;
        assert_eq!((token.generation(), token.expires_in()), (1, Duration::from_secs(end)));
        assert_eq!(state.lifetime_from(), Some(LifetimeSource::Default));
    }
}

#[test]
fn a_replacement_that_is_rejected_within_seconds_of_a_long_life_gives_advice() {
    let advice = |second: u64, rejected_after: Nanos, text: &str| {
        let mut state = new_state();
        arrive(&mut state, "a", left(100), 0);
        let first = state.cached.clone().unwrap().token;
        state.invalidate(&first, SECOND);
        assert_eq!(state.rejection_advice(), None, "the first rejection may have any reason");
        arrive(&mut state, text, left(second), 2 * SECOND);
        let second = state.cached.clone().unwrap().token;
        assert_eq!(state.invalidate(&second, 2 * SECOND + rejected_after), Update::Publish);
        state.rejection_advice().is_some_and(|advice| advice.contains("one token per client"))
    };
    assert_eq!([0, 1, 10 * SECOND, 10 * SECOND + 1].map(|after| advice(3600, after, "b")), [true, true, true, false]);
    assert_eq!([69, 70].map(|lifetime| advice(lifetime, 10 * SECOND, "b")), [false, true]);
    assert!(!advice(3600, SECOND, "a"), "the server returned the rejected token again");
}

#[test]
fn a_refresh_token_that_the_server_has_replaced_is_remembered_until_another_is() {
    let mut state = new_state();
    let mut arrive = |nth: i64, rotated| {
        let now = nth * 1000 * SECOND;
        state.begin_fetch(FetchReason::NoToken, Nanos::MAX);
        let grant = Grant { rotated_refresh_token: rotated, ..grant("a", left(100)) };
        let make = |grant, end, generation| Token::new(grant, end, generation, 0, Clock::System);
        state.grant_arrived(TimedGrant { grant, sent: now }, (now, now), RULES, MIDDLE, make);
        state.rotated_refresh_token()
    };
    assert_eq!(arrive(1, None), None);
    assert_eq!(arrive(2, Some([1; 32])), Some([1; 32]));
    assert_eq!(arrive(3, None), Some([1; 32]));
    assert_eq!(arrive(4, Some([2; 32])), Some([2; 32]));
    let error = Error::new(ErrorKind::Network, "broken");
    state.begin_fetch(FetchReason::NoToken, Nanos::MAX);
    fail(&mut state, error, 5000 * SECOND);
    assert_eq!(state.rotated_refresh_token(), Some([2; 32]));
}
