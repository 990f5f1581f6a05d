//! How a conversation ends, and what is refused on the way.

use std::io::{Read, Write};
use std::process::{Command, Output, Stdio};

const GREETING: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}"#;
const GREETED: &str = r#"{"jsonrpc":"2.0","method":"initialized","params":{}}"#;
const SHUTDOWN: &str = r#"{"jsonrpc":"2.0","id":2,"method":"shutdown"}"#;
const EXIT: &str = r#"{"jsonrpc":"2.0","method":"exit"}"#;

fn frame(body: &str) -> Vec<u8> {
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn frames(bodies: &[&str]) -> Vec<u8> {
    bodies.iter().flat_map(|body| frame(body)).collect()
}

/// What the server says to some bytes, and how it ends.
fn said(bytes: &[u8]) -> (Option<i32>, String, String) {
    let mut server = Command::new(env!("CARGO_BIN_EXE_netc"))
        .arg("lsp")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("netc starts");
    let mut to = server.stdin.take().expect("a pipe");
    // A server that refuses the bytes may be gone before it has read them.
    let _ = to.write_all(bytes);
    drop(to);
    let Output {
        status,
        stdout,
        stderr,
    } = server.wait_with_output().expect("the server ends");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code(), text(stdout), text(stderr))
}

#[test]
fn an_editor_that_says_goodbye_is_left_in_peace() {
    for _ in 0..20 {
        for bodies in [
            &[GREETING, GREETED, SHUTDOWN, EXIT][..],
            &[GREETING, SHUTDOWN, EXIT],
            // The end of the stream stands for `exit`.
            &[GREETING, GREETED, SHUTDOWN],
        ] {
            let (status, _, errors) = said(&frames(bodies));
            assert_eq!((status, errors.as_str()), (Some(0), ""));
        }
    }
}

#[test]
fn an_editor_that_dies_is_no_fault_of_the_server() {
    for bodies in [
        &[][..],
        &[EXIT],
        &[GREETING],
        &[GREETING, GREETED],
        &[GREETING, GREETED, EXIT],
    ] {
        let (status, _, errors) = said(&frames(bodies));
        assert_eq!(status, Some(1));
        assert_eq!(errors, "netc lsp: the editor left without `shutdown`\n");
    }
}

#[test]
fn an_editor_that_listens_no_more_is_no_fault_of_the_server() {
    let mut server = Command::new(env!("CARGO_BIN_EXE_netc"))
        .arg("lsp")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("netc starts");
    drop(server.stdout.take());
    let mut to = server.stdin.take().expect("a pipe");
    for _ in 0..100 {
        let _ = to.write_all(&frames(&[GREETING, GREETED]));
    }
    drop(to);
    let status = server.wait().expect("the server ends");
    let mut errors = String::new();
    let stderr = server.stderr.as_mut().expect("a pipe");
    stderr.read_to_string(&mut errors).expect("text");
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(
        !errors.contains("internal error") && !errors.contains("panicked"),
        "{errors}"
    );
}

#[test]
fn frames_that_cannot_be_read_end_the_conversation_with_a_reason() {
    for (bytes, reason) in [
        (
            &b"Content-Length: 99999999999999\r\n\r\n"[..],
            "99999999999999 bytes",
        ),
        (b"Content-Length: -5\r\n\r\n", "no number"),
        (b"Content-Type: text\r\n\r\n", "no `Content-Length`"),
        (b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", "twice"),
        (b"hello\r\n\r\n", "without a colon"),
        (b"Content-Length: 100\r\n\r\n{}", "ends within"),
    ] {
        let (status, _, errors) = said(bytes);
        assert_eq!(status, Some(1), "{errors}");
        assert!(
            errors.starts_with("netc lsp: ") && errors.contains(reason),
            "{errors}"
        );
    }
}

#[test]
fn bodies_that_are_no_messages_are_refused_and_the_conversation_goes_on() {
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":5,"method":"textDocument/hover","params":{}1{}}}"#,
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    let unopened = r#"{"jsonrpc":"2.0","id":6,"method":"textDocument/hover","params":{"textDocument":{"uri":"file:///none.net"},"position":{"line":4294967295,"character":4294967295}}}"#;
    let wrong = r#"{"jsonrpc":"2.0","id":7,"method":"textDocument/hover","params":[1,2]}"#;
    let unknown = r#"{"jsonrpc":"2.0","id":8,"method":"no/such","params":null}"#;
    let notification =
        r#"{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":3}}"#;
    let mut bytes = frames(&[
        GREETING,
        GREETED,
        "{",
        "[]",
        &deep,
        unopened,
        wrong,
        unknown,
        notification,
    ]);
    bytes.extend(b"Content-Length: 1\r\n\r\n\xff");
    bytes.extend(frames(&[SHUTDOWN, EXIT]));
    let (status, output, errors) = said(&bytes);
    assert_eq!((status, errors.as_str()), (Some(0), ""));
    for code in ["-32700", "-32600", "-32602", "-32601"] {
        assert!(output.contains(code), "{code} is not in {output}");
    }
    assert!(output.contains("is not open"), "{output}");
}
