//! Prints the Authorization header for an API. The environment names the token URL, the client's id and its secret.

use std::env::var;
use tokensource::{Config, TokenSource};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut config = Config::new();
    config.token_url(&var("TOKEN_URL")?)?.client_id(&var("CLIENT_ID")?)?.client_secret(&var("CLIENT_SECRET")?)?;
    config.scope("read")?.audience("https://api.example.com")?;
    let source = TokenSource::new(&config)?;
    println!("Authorization: {}", source.get()?.authorization());
    Ok(())
}
