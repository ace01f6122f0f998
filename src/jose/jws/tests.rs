use super::*;
use crate::jose::{
    key_pair::hmac,
    tests::{holds, key},
};
use SigningAlgorithm as A;

/// The claims of RFC 7515 A.1 to A.3.
const CLAIMS: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn decoded(text: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(text).unwrap()
}

#[test]
fn the_hmac_of_rfc_7515_a_1() {
    let secret = decoded("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
    let input = format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{CLAIMS}");
    assert_eq!(
        base64url(hmac(ring::hmac::HMAC_SHA256, &secret, input.as_bytes())),
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
}

#[test]
fn the_rsa_signature_of_rfc_7515_a_2() {
    let signature = key("rfc7515-a2.jwk.json").sign(A::Rs256, format!("eyJhbGciOiJSUzI1NiJ9.{CLAIMS}").as_bytes());
    assert_eq!(
        base64url(signature.unwrap()),
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7\
         t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi1\
         2jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGl\
         UPQGe77Rw"
    );
}

#[test]
fn a_signature_of_rfc_7515_a_3_holds_where_the_one_of_the_rfc_does() {
    let (key, input) = (key("rfc7515-a3.jwk.json"), format!("eyJhbGciOiJFUzI1NiJ9.{CLAIMS}"));
    let published = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    assert!(holds(&key, A::Es256, input.as_bytes(), &decoded(published)));
    assert!(holds(&key, A::Es256, input.as_bytes(), &key.sign(A::Es256, input.as_bytes()).unwrap()));
}

#[test]
fn the_ed25519_signature_of_rfc_8037_a_4() {
    let key = key("rfc8037-a1.jwk.json");
    let input = format!("{}.{}", base64url(r#"{"alg":"EdDSA"}"#), base64url("Example of Ed25519 signing"));
    for algorithm in [A::EdDsa, A::Ed25519] {
        assert_eq!(
            base64url(key.sign(algorithm, input.as_bytes()).unwrap()),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }
}

#[test]
fn members_keep_their_order_and_every_text_is_escaped() {
    let header =
        [("typ", Member::Text("JWT")), ("alg", Member::Text("HS256")), ("x5c", Member::Json(Value::from(vec!["a"])))];
    let claims =
        [("z", Member::Text("\"\\\u{1}é\u{1f600}\n")), ("a", Member::Number(i64::MIN)), ("", Member::Text(""))];
    let key = SigningKey::of_secret(&Secret::new("x".repeat(32)), None);
    let jws = compact(&header, &claims, &key, A::Hs256).unwrap();
    let parts: Vec<_> =
        jws.expose().split('.').map(|part| String::from_utf8_lossy(&decoded(part)).into_owned()).collect();
    assert_eq!(parts[0], r#"{"typ":"JWT","alg":"HS256","x5c":["a"]}"#);
    assert_eq!(parts[1], "{\"z\":\"\\\"\\\\\\u0001é\u{1f600}\\n\",\"a\":-9223372036854775808,\"\":\"\"}");
    assert_eq!(parts.len(), 3);
}

#[test]
fn the_capacity_suffices_for_the_worst_text() {
    for worst in ["\u{1}", "é", ""] {
        let members =
            || vec![(worst, Member::Text(worst)), ("n", Member::Number(i64::MIN)), (worst, Member::Json(worst.into()))];
        for count in 0..=3 {
            let members: Vec<_> = members().into_iter().take(count).collect();
            let json = json(&members);
            assert!(json.len() <= capacity(&members), "{worst:?}");
            assert_eq!(json.capacity(), capacity(&members), "it has grown");
        }
    }
}
