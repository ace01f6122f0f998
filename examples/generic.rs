//! Prints the Authorization header for an API. The environment names the token URL, the client's id and its secret.

use std::{env::var, error::Error, process::ExitCode};
use tokensource::{Config, TokenSource};

fn print_header() -> Result<(), Box<dyn Error>> {
    let mut config = Config::new();
    config.token_url(&var("TOKEN_URL")?)?.client_id(&var("CLIENT_ID")?)?.client_secret(&var("CLIENT_SECRET")?)?;
    config.scope("read")?.audience("https://api.example.com")?;
    let source = TokenSource::new(&config)?;
    println!("Authorization: {}", source.get()?.authorization());
    Ok(())
}

fn main() -> ExitCode {
    match print_header() {
        Ok(()) => ExitCode::SUCCESS,
        // The message says what to do next. Returned from main, the error would be printed in its Debug form.
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
