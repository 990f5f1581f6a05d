use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::*;

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<String> = entries
        .map(|entry| name(entry).to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_has_its_old_contents_until_it_is_finished() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a");
    fs::write(&path, "old").expect("a file");
    let mut file = NewFile::create(&path).expect("it begins");
    file.file().write_all(b"new").expect("it is written");
    assert_eq!(fs::read(&path).expect("it is there"), b"old");
    file.finish().expect("it ends");
    assert_eq!(fs::read(&path).expect("it is there"), b"new");
    assert_eq!(names(folder.path()), ["a"]);
}

#[test]
fn what_is_not_finished_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a");
    let mut file = NewFile::create(&path).expect("it begins");
    file.file().write_all(b"new").expect("it is written");
    drop(file);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn concurrent_writers_do_not_mix() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a");
    std::thread::scope(|scope| {
        for letter in b'a'..b'i' {
            let path = &path;
            scope.spawn(move || {
                for _ in 0..20 {
                    write(path, &[letter; 10_000]).expect("it is written");
                }
            });
        }
    });
    let bytes = fs::read(&path).expect("it is there");
    assert_eq!(bytes.len(), 10_000);
    assert!(bytes.iter().all(|byte| *byte == bytes[0]));
    assert_eq!(names(folder.path()), ["a"]);
}

#[test]
fn the_longest_name_can_be_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("n".repeat(255));
    write(&path, b"1").expect("a new one");
    write(&path, b"2").expect("it is replaced");
    assert_eq!(fs::read(&path).expect("it is there"), b"2");
}

#[test]
fn reasons_name_what_is_in_the_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    fs::write(path("file"), "").expect("a file");
    let reason_of = |path: &Path| reason(&write(path, b"x").expect_err("it fails"));
    assert!(reason_of(&path("no/a")).starts_with("there is no directory `"));
    assert!(reason_of(&path("file/a")).contains("not a directory"));
    assert_eq!(reason_of(folder.path()), "it is a directory");
    assert!(reason_of(&path("new/")).contains("ends in `/`"));
    assert!(reason_of(&path(&"n".repeat(256))).contains("name too long"));
    assert_eq!(names(folder.path()), ["file"]);
}

#[test]
fn outputs_are_compared_with_inputs_by_what_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a");
    fs::write(&path, "").expect("a file");
    let around = folder.path().join(".").join("a");
    assert!(refuse_inputs(&path, [around.as_path()]).is_err());
    assert!(refuse_inputs(&folder.path().join("b"), [path.as_path()]).is_ok());
    #[cfg(unix)]
    {
        let null = Path::new("/dev/null");
        assert!(refuse_inputs(null, [null]).is_ok());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).expect("a link");
        assert!(refuse_inputs(&link, [path.as_path()]).is_err());
        let hard = folder.path().join("hard");
        fs::hard_link(&path, &hard).expect("a link");
        assert!(refuse_inputs(&hard, [path.as_path()]).is_err());
    }
}

#[test]
fn paths_of_descriptors_are_known() {
    assert_eq!(descriptor(Path::new("-")), Some(0));
    assert_eq!(descriptor(Path::new("./-")), None);
    #[cfg(unix)]
    for (path, number) in [
        ("/dev/stdin", Some(0)),
        ("/dev/fd/63", Some(63)),
        ("/proc/self/fd/7", Some(7)),
        ("/dev/fd/", None),
        ("/dev/fd/6x", None),
        ("/dev/null", None),
    ] {
        assert_eq!(descriptor(Path::new(path)), number, "{path}");
    }
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn permissions_stay() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        write(&path, b"old").expect("a file");
        for mode in [0o600, 0o644, 0o755, 0o666] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
            write(&path, b"new").expect("it is replaced");
            let kept = fs::metadata(&path).expect("it is there").mode();
            assert_eq!(kept & 0o7777, mode);
        }
    }

    #[test]
    fn symbolic_links_stay_and_their_targets_are_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("below")).expect("a folder");
        fs::write(path("below/target"), "old").expect("a file");
        symlink("below/target", path("link")).expect("a link");
        symlink("link", path("chain")).expect("a link");
        symlink("below/none", path("dangling")).expect("a link");
        symlink("circle", path("circle")).expect("a link");
        write(&path("chain"), b"new").expect("it is written");
        assert_eq!(fs::read(path("below/target")).expect("it is there"), b"new");
        assert_eq!(
            fs::read_link(path("chain")).expect("a link"),
            Path::new("link")
        );
        write(&path("dangling"), b"made").expect("it is written");
        assert_eq!(fs::read(path("below/none")).expect("it is there"), b"made");
        assert!(write(&path("circle"), b"x").is_err());
        assert_eq!(names(&path("below")), ["none", "target"]);
    }

    #[test]
    fn a_hard_link_keeps_the_old_contents() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::write(path("a"), "old").expect("a file");
        fs::hard_link(path("a"), path("b")).expect("a link");
        write(&path("a"), b"new").expect("it is written");
        assert_eq!(fs::read(path("a")).expect("it is there"), b"new");
        assert_eq!(fs::read(path("b")).expect("it is there"), b"old");
    }

    #[test]
    fn devices_are_written_and_stay() {
        write(Path::new("/dev/null"), b"x").expect("it takes everything");
        assert!(!fs::metadata("/dev/null").expect("it is there").is_file());
        let error = write(Path::new("/dev/full"), b"x").expect_err("it takes nothing");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn only_regular_files_are_read_and_none_is_waited_for() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let made = std::process::Command::new("mkfifo")
            .arg(path("pipe"))
            .status();
        assert!(made.expect("mkfifo runs").success());
        let _socket = std::os::unix::net::UnixListener::bind(path("socket")).expect("a socket");
        symlink("pipe", path("link")).expect("a link");
        let reason_of = |path: &Path| reason(&open(path).expect_err("it is refused"));
        assert_eq!(reason_of(&path("pipe")), "it is a pipe, not a regular file");
        assert_eq!(reason_of(&path("link")), "it is a pipe, not a regular file");
        assert_eq!(
            reason_of(&path("socket")),
            "it is a socket, not a regular file"
        );
        assert_eq!(
            reason_of(folder.path()),
            "it is a directory, not a regular file"
        );
        assert_eq!(
            reason_of(Path::new("/dev/zero")),
            "it is a device, not a regular file"
        );
    }
}

/// Files are opened for writing here and nowhere else: what is true of `NewFile` is true of every command.
#[test]
fn nothing_else_opens_files() {
    let forbidden: &[&str] = &[
        "File::create",
        "File::open",
        "fs::write",
        "fs::read(",
        "fs::read_to_string",
        "fs::copy",
        "fs::rename",
        "OpenOptions",
        "generate_to",
        "ImageReader::open",
        "image::open",
        ".save(",
    ];
    let mut directories = vec![Path::new("src").to_path_buf()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            let is_test = path.components().any(|part| {
                let name = part.as_os_str().to_string_lossy();
                name.starts_with("tests") || name.ends_with("tests.rs")
            });
            if path.is_dir() && path != Path::new("src/files") {
                directories.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") && !is_test {
                let text = fs::read_to_string(&path).expect("a source");
                let code = text
                    .split("\n#[cfg(test)]\nmod ")
                    .next()
                    .unwrap_or_default();
                for word in forbidden {
                    // `WeightsFile::open` is another word.
                    let is_word = |(at, _): (usize, &str)| {
                        !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
                    };
                    let found = code.match_indices(word).any(is_word);
                    assert!(!found, "{word} in {}: use `files`", path.display());
                }
            }
        }
    }
}
