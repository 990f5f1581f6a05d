//! Classifies a picture of a digit: `cargo run -- ../c/digits/7.pgm` prints the class, then each logit.

use std::env;
use std::error::Error;
use std::fs;
use std::process::ExitCode;

/// The net, as build.rs compiled it.
mod digits {
    include!(concat!(env!("OUT_DIR"), "/Digits.rs"));
}

/// Reads a plain PGM of 8 by 8 pixels, and normalises it as the net's source says.
fn read_picture(path: &str) -> Result<digits::Input, Box<dyn Error>> {
    let text = fs::read_to_string(path)?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let ["P2", "8", "8", "255", pixels @ ..] = words.as_slice() else {
        return Err("it is no plain PGM of 8 by 8 pixels".into());
    };
    let mut image: digits::Input = [[[0.0; 8]; 8]; 1];
    let places = image.as_flattened_mut().as_flattened_mut();
    if pixels.len() != places.len() {
        return Err(format!("{} pixels, not {}", pixels.len(), places.len()).into());
    }
    for (place, pixel) in places.iter_mut().zip(pixels) {
        *place = (pixel.parse::<f32>()? / 255.0 - 0.305) / 0.376;
    }
    Ok(image)
}

/// The class and the logits of a picture.
fn classify(path: &str) -> Result<(usize, digits::Output), Box<dyn Error>> {
    let image = read_picture(path)?;
    let logits = digits::Net::new()?.forward(&image);
    let best = (0..logits.len()).max_by(|a, b| logits[*a].total_cmp(&logits[*b]));
    Ok((best.unwrap_or_default(), logits))
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [path] = arguments.as_slice() else {
        eprintln!("usage: embed-rust FILE.pgm");
        return ExitCode::from(2);
    };
    match classify(path) {
        Ok((class, logits)) => {
            println!("{class}");
            for (index, logit) in logits.iter().enumerate() {
                println!("{index}: {logit}");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::FAILURE
        }
    }
}
