//! Files from disk, confined to the directories that the user allowed. The only IO of the front end.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::elaborate::{LoadError, Loader, NoLoader};
use crate::files;
use crate::limits;

/// Reads used files below the directory of the root file and below each directory that the user allowed.
#[derive(Clone, Debug)]
pub struct DiskLoader {
    /// Canonical.
    allowed: Vec<PathBuf>,
}

impl DiskLoader {
    /// A loader for the root file `root`; `include` are further directories. Those that do not exist allow nothing.
    pub fn new(root: &Path, include: &[PathBuf]) -> DiskLoader {
        let own = match root.parent() {
            Some(directory) if directory != Path::new("") => directory.to_path_buf(),
            _ => PathBuf::from("."),
        };
        let allowed = std::iter::once(&own)
            .chain(include)
            .filter_map(|directory| fs::canonicalize(directory).ok())
            .collect();
        DiskLoader { allowed }
    }

    /// Reads a file that the user named on the command line: it may lie anywhere, and `-` or
    /// `/dev/fd/63` mean a descriptor that the process was started with.
    pub fn read_root(path: &Path) -> Result<String, LoadError> {
        match files::descriptor(path) {
            Some(0) => text(Ok(std::io::stdin().lock())),
            Some(number) => text(files::duplicate(number)),
            None => read(path),
        }
    }
}

impl Loader for DiskLoader {
    fn canonical(&mut self, path: &Path) -> PathBuf {
        fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
    }

    fn load(&mut self, from: &Path, path: &str) -> Result<(PathBuf, String), LoadError> {
        let directory = from.parent().unwrap_or(Path::new("."));
        let joined = directory.join(path);
        // Canonical before it is compared: `..` and symbolic links are followed first, so neither can lead out. Whether
        // something outside exists is not told either.
        let inside = |path: &Path| self.allowed.iter().any(|allowed| path.starts_with(allowed));
        match fs::canonicalize(&joined) {
            Ok(canonical) if inside(&canonical) => {
                let text = read(&canonical)?;
                Ok((canonical, text))
            }
            Ok(_) => Err(LoadError::Escape),
            Err(_) if !stays_below(path) => Err(LoadError::Escape),
            Err(error) => Err(LoadError::NotFound(reason(&error))),
        }
    }
}

/// Reads used files as a [`DiskLoader`], but takes the text of those that an editor holds from there. Where a file may lie is the same.
pub struct OverlayLoader<'t> {
    /// `None` for a text that has no place on the disk, which can use nothing.
    disk: Option<DiskLoader>,
    /// By canonical path.
    texts: &'t dyn Fn(&Path) -> Option<String>,
    /// Canonical paths of what was loaded.
    pub loaded: Vec<PathBuf>,
}

impl<'t> OverlayLoader<'t> {
    /// A loader over `disk`; `texts` tells the text of a file, by canonical path, that is not to be read.
    pub fn new(
        disk: Option<DiskLoader>,
        texts: &'t dyn Fn(&Path) -> Option<String>,
    ) -> OverlayLoader<'t> {
        OverlayLoader {
            disk,
            texts,
            loaded: Vec::new(),
        }
    }
}

impl Loader for OverlayLoader<'_> {
    fn canonical(&mut self, path: &Path) -> PathBuf {
        match &mut self.disk {
            Some(disk) => disk.canonical(path),
            None => path.to_path_buf(),
        }
    }

    fn load(&mut self, from: &Path, path: &str) -> Result<(PathBuf, String), LoadError> {
        let Some(disk) = &mut self.disk else {
            return NoLoader.load(from, path);
        };
        let (canonical, text) = disk.load(from, path)?;
        if !self.loaded.contains(&canonical) {
            self.loaded.push(canonical.clone());
        }
        let text = (self.texts)(&canonical).unwrap_or(text);
        Ok((canonical, text))
    }
}

/// Whether a relative path never climbs above where it starts.
fn stays_below(path: &str) -> bool {
    use std::path::Component;
    let mut depth = 0i64;
    for component in Path::new(path).components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::ParentDir => depth -= 1,
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return false,
        }
        if depth < 0 {
            return false;
        }
    }
    true
}

/// Reads at most the limit, whatever the file's size claims to be, and regular files only (a pipe could block for ever).
fn read(path: &Path) -> Result<String, LoadError> {
    text(files::open(path))
}

/// The text of what was opened.
fn text(file: std::io::Result<impl Read>) -> Result<String, LoadError> {
    let bytes = file
        .and_then(|mut file| files::read_at_most(&mut file, limits::SOURCE_BYTES as u64))
        .map_err(|error| LoadError::NotFound(reason(&error)))?
        .ok_or(LoadError::TooLarge)?;
    String::from_utf8(bytes).map_err(|error| LoadError::NotUtf8(error.utf8_error().valid_up_to()))
}

/// The system's word, without the number that it puts behind.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".into(),
        std::io::ErrorKind::PermissionDenied => "reading it is not permitted".into(),
        _ => files::reason(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder `nets` with `a.net`, beside it `secret.net`.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("nets")).expect("a folder");
        for (name, text) in [("nets/a.net", "block A { relu }"), ("secret.net", "no")] {
            fs::write(folder.path().join(name), text).expect("a file");
        }
        folder
    }

    fn load(folder: &Path, include: &[PathBuf], path: &str) -> Result<String, LoadError> {
        let root = folder.join("nets/root.net");
        let mut loader = DiskLoader::new(&root, include);
        let from = loader.canonical(&root);
        loader.load(&from, path).map(|(_, text)| text)
    }

    #[test]
    fn only_allowed_folders_are_read() {
        let folder = folder();
        let folder = folder.path();
        let outside = folder.join("secret.net").display().to_string();
        assert_eq!(load(folder, &[], "a.net"), Ok("block A { relu }".into()));
        assert_eq!(
            load(folder, &[], "../nets/a.net").as_deref(),
            Ok("block A { relu }")
        );
        for path in [
            "../secret.net",
            "../absent.net",
            outside.as_str(),
            "/absent.net",
        ] {
            assert_eq!(load(folder, &[], path), Err(LoadError::Escape), "{path}");
        }
        let include = [folder.to_path_buf()];
        assert_eq!(load(folder, &include, "../secret.net"), Ok("no".into()));
        assert!(matches!(
            load(folder, &[], "absent.net"),
            Err(LoadError::NotFound(_))
        ));
        assert!(matches!(
            load(folder, &include, "."),
            Err(LoadError::NotFound(_))
        ));
    }

    #[cfg(unix)]
    #[test]
    fn links_do_not_lead_out() {
        let folder = folder();
        let folder = folder.path();
        let link = folder.join("nets/link.net");
        std::os::unix::fs::symlink(folder.join("secret.net"), link).expect("a link");
        assert_eq!(load(folder, &[], "link.net"), Err(LoadError::Escape));
    }

    #[test]
    fn only_texts_of_a_sensible_size_are_read() {
        let folder = folder();
        let folder = folder.path();
        fs::write(folder.join("nets/latin.net"), b"ab\xe9").expect("a file");
        fs::write(
            folder.join("nets/huge.net"),
            vec![b' '; limits::SOURCE_BYTES + 1],
        )
        .expect("a file");
        assert_eq!(load(folder, &[], "latin.net"), Err(LoadError::NotUtf8(2)));
        assert_eq!(load(folder, &[], "huge.net"), Err(LoadError::TooLarge));
    }
}
