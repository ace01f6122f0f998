use super::*;

const SENT: Nanos = 5_000 * SECOND;
const RULES: LifetimeRules =
    LifetimeRules { default: Duration::from_secs(600), ended: ENDED_LIFETIME, most: Duration::from_secs(1_000_000) };

fn told_in(seconds: f64, told_by: ExpirySource) -> StatedExpiry {
    StatedExpiry::In { left: Duration::from_secs_f64(seconds), told_by }
}

fn left(seconds: f64) -> StatedExpiry {
    told_in(seconds, ExpirySource::ExpiresIn)
}

const ENDED: StatedExpiry = StatedExpiry::Ended { told_by: ExpirySource::ExpiresIn };

/// A token of 100 s, whose request was sent at `SENT` and whose response arrived 0.2 s later.
fn known() -> KnownEnd {
    KnownEnd::new(RULES.lifetime(left(100.0)).unwrap(), SENT, SENT + SECOND / 5)
}

/// The same token, of which the server states no end. The default is 600 s.
fn unstated() -> KnownEnd {
    KnownEnd::new(RULES.lifetime(StatedExpiry::NotStated).unwrap(), SENT, SENT + SECOND / 5)
}

/// Returns what a repeat means that was sent and arrived at an instant after `SENT`.
fn repeat(expiry: StatedExpiry, at: Nanos, known: KnownEnd, is_rejected: bool) -> Repeat {
    Statement { expiry, jwt_left: None, sent: SENT + at, arrived: SENT + at }.about(known, is_rejected, RULES)
}

/// Returns a word for what a repeat means, and the end that it gives the token, counted from `SENT`.
fn word(repeat: Repeat) -> (&'static str, f64) {
    let seconds = |known: KnownEnd| (known.end - SENT) as f64 / SECOND as f64;
    match repeat {
        Repeat::Keeps => ("keeps", 0.0),
        Repeat::Moves(known) => ("moves", seconds(known)),
        Repeat::Changes(known) => ("changes", seconds(known)),
        Repeat::Ends => ("ends", 0.0),
        Repeat::ProvesNothing => ("proves nothing", 0.0),
    }
}

#[test]
fn a_new_token_has_the_lifetime_that_the_server_states_or_a_default() {
    let lifetime = |expiry| RULES.lifetime(expiry).map(|lifetime| (lifetime.span.as_secs(), lifetime.from));
    for (told_by, from) in [
        (ExpirySource::ExpiresIn, LifetimeSource::ExpiresIn),
        (ExpirySource::ExpiresAt, LifetimeSource::ExpiresAt),
        (ExpirySource::Jwt, LifetimeSource::Jwt),
    ] {
        assert_eq!(lifetime(told_in(7.0, told_by)), Some((7, from)));
        assert_eq!(lifetime(told_in(2e6, told_by)), Some((1_000_000, from)), "the longest lifetime");
    }
    assert_eq!(lifetime(StatedExpiry::NotStated), Some((600, LifetimeSource::Default)));
    for told_by in [ExpirySource::ExpiresIn, ExpirySource::ExpiresAt] {
        assert_eq!(lifetime(StatedExpiry::Ended { told_by }), Some((60, LifetimeSource::Default)));
    }
    assert_eq!(lifetime(StatedExpiry::Ended { told_by: ExpirySource::Jwt }), None);
}

#[test]
fn the_last_possible_end_counts_from_the_arrival_and_a_second_more() {
    assert_eq!((known().end - SENT, known().last_possible_end - SENT), (100 * SECOND, 101 * SECOND + SECOND / 5));
}

#[test]
fn a_repeat_keeps_the_end_whatever_later_end_it_states() {
    for expiry in [left(100.0), left(40.0), left(1e5), StatedExpiry::NotStated] {
        assert_eq!(repeat(expiry, 60 * SECOND, known(), false), Repeat::Keeps, "{expiry:?}");
    }
}

#[test]
fn a_repeat_changes_the_end_only_if_it_states_an_end_that_is_more_than_two_seconds_earlier() {
    assert_eq!(word(repeat(left(38.0), 60 * SECOND, known(), false)), ("keeps", 0.0));
    let earlier = repeat(left(37.999), 60 * SECOND, known(), false);
    assert_eq!(word(earlier), ("changes", 97.999));
    let Repeat::Changes(earlier) = earlier else { panic!() };
    assert_eq!(earlier.last_possible_end - SENT, 98_999_000_000);
    assert_eq!(word(repeat(left(0.005), 60 * SECOND, known(), false)), ("ends", 0.0));
}

#[test]
fn from_the_stated_end_on_a_repeat_proves_nothing_until_it_was_sent_after_the_last_possible_end() {
    let end = 100 * SECOND - TICK;
    let last = 101 * SECOND + SECOND / 5;
    // In steps of 2 ms around each boundary, and to the nanosecond.
    for by in (-10..=10).map(|step| step * 2_000_000).chain([-1, 0, 1]) {
        for expiry in [left(100.0), left(3.0), StatedExpiry::NotStated] {
            let at_end = repeat(expiry, end + by, known(), false);
            assert_eq!(at_end, if by < 0 { Repeat::Keeps } else { Repeat::ProvesNothing }, "{by} {expiry:?}");
            let at_last = repeat(expiry, last + by, known(), false);
            let proves = matches!(at_last, Repeat::Changes(new) if new.end > SENT + last + by);
            assert_eq!(proves, by >= 0, "{by} {at_last:?}");
        }
    }
    let sent_before = Statement { expiry: left(9.0), jwt_left: None, sent: SENT + last - 1, arrived: SENT + last + 5 };
    assert_eq!(sent_before.about(known(), false, RULES), Repeat::ProvesNothing);
}

#[test]
fn a_repeat_that_states_zero_ends_a_token_at_any_time_of_its_life() {
    for at in [0, 1, 60 * SECOND, 100 * SECOND, 200 * SECOND] {
        for is_rejected in [false, true] {
            assert_eq!(repeat(ENDED, at, known(), is_rejected), Repeat::Ends);
        }
    }
    let by_jwt = StatedExpiry::Ended { told_by: ExpirySource::Jwt };
    assert_eq!(repeat(by_jwt, SECOND, unstated(), false), Repeat::Ends, "the claims are the token's own");
}

#[test]
fn an_end_that_the_server_has_not_stated_moves_with_each_repeat() {
    for at in [1, 300, 599, 600, 601, 602, 10_000] {
        let moved = |expiry| word(repeat(expiry, at * SECOND, unstated(), false));
        assert_eq!(moved(StatedExpiry::NotStated), ("moves", (at + 600) as f64));
        // The server may mean "never".
        assert_eq!(moved(ENDED), ("moves", (at + 60) as f64));
        assert_eq!(moved(left(3600.0)), ("moves", (at + 3600) as f64));
    }
    let Repeat::Moves(stated) = repeat(left(3600.0), SECOND, unstated(), false) else { panic!() };
    assert_eq!(stated.lifetime_from, LifetimeSource::ExpiresIn);
    assert_eq!(word(repeat(left(9.0), SECOND, unstated(), false)), ("changes", 10.0));
}

#[test]
fn a_rejected_text_comes_back_as_another_token_that_ends_no_later() {
    let again = |expiry, at| word(repeat(expiry, at, known(), true));
    assert_eq!(again(left(100.0), 10 * SECOND), ("changes", 100.0));
    assert_eq!(again(left(89.0), 10 * SECOND), ("changes", 99.0));
    assert_eq!(again(left(50.0), 10 * SECOND), ("changes", 60.0));
    assert_eq!(again(left(100.0), 100 * SECOND - TICK - 1).0, "changes");
    assert_eq!(again(left(100.0), 100 * SECOND - TICK), ("proves nothing", 0.0));
    assert_eq!(again(left(100.0), 102 * SECOND), ("changes", 202.0));
    let unstated = |expiry, at| word(repeat(expiry, at, unstated(), true));
    assert_eq!(unstated(StatedExpiry::NotStated, 10 * SECOND), ("changes", 600.0));
    assert_eq!(unstated(ENDED, 10 * SECOND), ("changes", 70.0));
}

#[test]
fn a_jwt_is_not_extended_past_its_exp() {
    let at = |seconds: i64, jwt_left: u64| {
        let at = SENT + seconds * SECOND;
        let jwt_left = Some(Duration::from_secs(jwt_left));
        word(Statement { expiry: left(100.0), jwt_left, sent: at, arrived: at }.about(known(), false, RULES))
    };
    assert_eq!(at(200, 1000), ("changes", 300.0));
    assert_eq!(at(200, 40), ("changes", 240.0));
    assert_eq!(at(200, 0), ("ends", 0.0));
    assert_eq!(at(50, 0), ("keeps", 0.0), "the stated end counts before");
}
