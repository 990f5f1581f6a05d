//! Frames over the standard streams: a header with `Content-Length`, an empty line, a message in JSON.
//!
//! What an editor sends is bounded before memory is spent on it. A header that is no header ends the conversation, because nobody
//! knows where the next message starts; a body that is no message is refused, and the next one is read.

use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};

use lsp_server::{Connection, ErrorCode, Message};
use serde_json::{Value, json};

use crate::limits;

/// Why no further message can be read.
#[derive(Clone, Copy, Debug)]
pub enum FrameError {
    /// The header is not one of the protocol.
    Header(&'static str),
    /// The message is larger than [`limits::MESSAGE_BYTES`].
    TooLarge(u64),
    /// The stream ends within a message, or cannot be read.
    Broken,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FrameError::Header(reason) => write!(f, "the header of a message {reason}"),
            FrameError::TooLarge(size) => write!(
                f,
                "a message of {size} bytes: at most {} are taken",
                limits::MESSAGE_BYTES
            ),
            FrameError::Broken => f.write_str("the stream ends within a message"),
        }
    }
}

/// Bytes of a header, and lines of it: two are in use.
const HEADER_BYTES: u64 = 4_096;

/// The body of the next message; `None` at the end of the stream.
pub fn read_frame(input: &mut impl BufRead) -> Result<Option<Vec<u8>>, FrameError> {
    let mut size: Option<u64> = None;
    let mut line = Vec::new();
    let mut header = input.take(HEADER_BYTES);
    loop {
        line.clear();
        let n_read = header
            .read_until(b'\n', &mut line)
            .map_err(|_| FrameError::Broken)?;
        let is_first = header.limit() + n_read as u64 == HEADER_BYTES;
        let Some(text) = line.strip_suffix(b"\n") else {
            return match header.limit() {
                0 => Err(FrameError::Header("is too long")),
                _ if is_first && line.is_empty() => Ok(None),
                _ => Err(FrameError::Broken),
            };
        };
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        if text.is_empty() {
            break;
        }
        let text = std::str::from_utf8(text).map_err(|_| FrameError::Header("is not text"))?;
        let (name, value) = text
            .split_once(':')
            .ok_or(FrameError::Header("has a line without a colon"))?;
        if name.eq_ignore_ascii_case("Content-Length") {
            let value = value.trim();
            let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            if !is_number {
                return Err(FrameError::Header(
                    "has a `Content-Length` that is no number",
                ));
            }
            if size.is_some() {
                return Err(FrameError::Header("has `Content-Length` twice"));
            }
            // Digits alone fail to parse only where there are too many.
            size = Some(value.parse().unwrap_or(u64::MAX));
        }
    }
    let size = size.ok_or(FrameError::Header("has no `Content-Length`"))?;
    if size > limits::MESSAGE_BYTES {
        return Err(FrameError::TooLarge(size));
    }
    let mut body = Vec::new();
    let n_read = input.take(size).read_to_end(&mut body);
    match n_read {
        Ok(n_read) if n_read as u64 == size => Ok(Some(body)),
        _ => Err(FrameError::Broken),
    }
}

/// The message in a body, or the error that the protocol has for it.
pub fn message(body: &[u8]) -> Result<Message, Value> {
    let refuse = |code: ErrorCode, reason: String| {
        let error = json!({ "code": code as i32, "message": reason });
        json!({ "jsonrpc": "2.0", "id": null, "error": error })
    };
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| refuse(ErrorCode::ParseError, format!("no JSON: {error}")))?;
    serde_json::from_value(value).map_err(|_| {
        refuse(
            ErrorCode::InvalidRequest,
            "no message of the protocol".into(),
        )
    })
}

fn write_frame(output: &mut impl Write, body: &[u8]) -> io::Result<()> {
    write!(output, "Content-Length: {}\r\n\r\n", body.len())?;
    output.write_all(body)?;
    output.flush()
}

/// The threads that read and write.
pub struct Threads {
    /// Why reading ended, if not with the stream; set before the connection ends.
    fault: Arc<OnceLock<FrameError>>,
    writer: JoinHandle<io::Result<()>>,
}

impl Threads {
    /// Waits until everything is written. The connection must be gone by now.
    pub fn finish(self) -> Result<(), FrameError> {
        // What cannot be written is read by nobody. The reader may wait for an editor that has said goodbye.
        let _ = self.writer.join();
        match self.fault.get() {
            Some(fault) => Err(*fault),
            None => Ok(()),
        }
    }
}

/// A connection over the standard streams.
pub fn stdio() -> (Connection, Threads) {
    let (server, editor) = Connection::memory();
    let Connection { sender, receiver } = editor;
    let fault = Arc::new(OnceLock::new());
    let told = fault.clone();
    // It is not waited for: it may block for as long as the editor keeps the stream open.
    thread::spawn(move || {
        let mut input = io::stdin().lock();
        loop {
            let body = match read_frame(&mut input) {
                Ok(Some(body)) => body,
                Ok(None) => break,
                Err(error) => {
                    let _ = told.set(error);
                    break;
                }
            };
            match message(&body) {
                Ok(message) => {
                    if sender.send(message).is_err() {
                        break;
                    }
                }
                Err(refusal) => {
                    if write_frame(&mut io::stdout().lock(), refusal.to_string().as_bytes())
                        .is_err()
                    {
                        break;
                    }
                }
            }
        }
    });
    let writer = thread::spawn(move || {
        for message in receiver {
            let mut body = Vec::new();
            message.write(&mut body)?;
            let mut output = io::stdout().lock();
            output.write_all(&body)?;
            output.flush()?;
        }
        Ok(())
    });
    (server, Threads { fault, writer })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Result<Option<Vec<u8>>, String> {
        read_frame(&mut &text[..]).map_err(|error| error.to_string())
    }

    #[test]
    fn frames_are_read() {
        assert_eq!(read(b""), Ok(None));
        let mut two: &[u8] =
            b"Content-Length: 2\r\n\r\nabcontent-length:1\r\nContent-Type: x\r\n\r\nc";
        assert_eq!(read_frame(&mut two).expect("a frame"), Some(b"ab".to_vec()));
        assert_eq!(read_frame(&mut two).expect("a frame"), Some(b"c".to_vec()));
        assert!(read_frame(&mut two).expect("the end").is_none());
    }

    #[test]
    fn hostile_frames_are_refused_before_memory_is_spent() {
        let long = [b'a'; 10_000];
        for (text, reason) in [
            (&b"Content-Length: 99999999999999\r\n\r\n"[..], "at most"),
            (
                b"Content-Length: 999999999999999999999999999\r\n\r\n",
                "at most",
            ),
            (b"Content-Length: -1\r\n\r\n", "no number"),
            (b"Content-Length: \r\n\r\n", "no number"),
            (b"Content-Length: 1e3\r\n\r\n", "no number"),
            (b"Content-Length: 1\r\nContent-Length: 2\r\n\r\na", "twice"),
            (b"Content-Type: x\r\n\r\n{}", "no `Content-Length`"),
            (b"\r\n\r\n{}", "no `Content-Length`"),
            (b"{\"id\": 1}\n{}\n", "without a colon"),
            (b"nonsense\r\n\r\n", "without a colon"),
            (b"\xff\xfe: 1\r\n\r\n", "not text"),
            (&long, "too long"),
            (b"Content-Length: 5\r\n\r\nab", "ends within"),
            (b"Content-Len", "ends within"),
        ] {
            let found = read(text).expect_err("a refusal");
            assert!(found.contains(reason), "{found}: {reason}");
        }
    }

    #[test]
    fn bodies_that_are_no_messages_are_refused() {
        let deep = "[".repeat(100_000);
        let nested = format!(
            "{{\"method\": \"a\", \"params\": {}",
            "{\"a\":".repeat(100_000)
        );
        for (body, code) in [
            (&b"\xff"[..], -32700),
            (b"", -32700),
            (b"{", -32700),
            (deep.as_bytes(), -32700),
            (nested.as_bytes(), -32700),
            (b"[]", -32600),
            (b"1", -32600),
            (b"{\"id\": {}, \"method\": 3}", -32600),
        ] {
            let refusal = message(body).expect_err("a refusal");
            assert_eq!(refusal["error"]["code"], code, "{refusal}");
            assert!(refusal["id"].is_null());
        }
        assert!(message(b"{\"jsonrpc\": \"2.0\", \"method\": \"exit\"}").is_ok());
    }
}
