//! Prints the Authorization header for an API. The environment names the token URL, the client's id and its secret.

use std::env::var;
use tokensource::{Config, TokenSource};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut config = Config::new();
    config.set("token_url", &*var("TOKEN_URL")?)?.set("client_id", &*var("CLIENT_ID")?)?;
    config.set("client_secret", &*var("CLIENT_SECRET")?)?.set("scope", "read")?;
    config.set("audience", "https://api.example.com")?;
    let source = TokenSource::new(&config)?;
    println!("Authorization: {}", source.get()?.authorization());
    Ok(())
}
