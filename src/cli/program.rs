//! Program: the command of `run` and `exec`: found in PATH before anything is made, executed at the end. There are no
//! images: it is a program of the root that is seen.

use super::init::close_others_on_exec;
use super::outcome::Failure;
use super::user::User;
use nix::unistd::{AccessFlags, access};
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

/// Not executable, as shells say it.
const NOT_EXECUTABLE: u8 = 126;
/// Not found, as shells say it.
const NOT_FOUND: u8 = 127;

/// Names of images that people try first.
const IMAGES: [&str; 20] = [
    "alpine",
    "archlinux",
    "busybox",
    "centos",
    "debian",
    "fedora",
    "golang",
    "hello-world",
    "httpd",
    "mariadb",
    "mysql",
    "nginx",
    "node",
    "postgres",
    "python",
    "redis",
    "rust",
    "rockylinux",
    "ubuntu",
    "whoami",
];

/// A program that is there, with its arguments, environment and working directory.
#[derive(Debug)]
pub struct Program {
    path: CString,
    argv: Vec<CString>,
    env: Vec<CString>,
    dir: PathBuf,
    user: Option<User>,
}

impl Program {
    /// Finds the program that the first word names; `env` (`K=V` or `K`) is added to the caller's environment, and runs as
    /// the user given, else as the caller. A missing one ends with 127, one that may not be executed with 126.
    pub fn find(
        words: &[OsString],
        env: &[String],
        dir: &Path,
        user: Option<User>,
    ) -> Result<Self, Failure> {
        let env = environment(env, user.as_ref())?;
        let first = words.first().expect("clap requires a command");
        let path = locate(first, variable(&env, "PATH"), dir)?;
        Ok(Self {
            path: c_string(path.into_os_string())?,
            argv: words.iter().cloned().map(c_string).collect::<Result<_, _>>()?,
            env: env.into_iter().map(c_string).collect::<Result<_, _>>()?,
            dir: dir.to_owned(),
            user,
        })
    }

    /// Makes stdout and stderr, which are nobody else's, the program's user's.
    pub fn own_output(&self) -> io::Result<()> {
        let Some(user) = &self.user else { return Ok(()) };
        user.own(io::stdout())?;
        user.own(io::stderr())
    }

    /// Becomes the program; returns only to say why not.
    pub fn exec(&self) -> Failure {
        if let Err(error) = std::env::set_current_dir(&self.dir) {
            return Failure::doing(format_args!("enter {}", self.dir.display()), error);
        }
        if let Err(error) = close_others_on_exec() {
            return Failure::doing("close what is not the command's", error);
        }
        // The directory is entered before: it may be one that the user could not enter, as with sudo.
        if let Some(Err(error)) = self.user.as_ref().map(User::become_it) {
            return Failure::doing("change the user", error);
        }
        let Err(errno) = nix::unistd::execve(&self.path, &self.argv, &self.env);
        let code = if errno == nix::Error::ENOENT { NOT_FOUND } else { NOT_EXECUTABLE };
        Failure::new(format!("exec: \"{}\": {}", self.path.to_string_lossy(), errno.desc()))
            .code(code)
    }
}

fn c_string(text: OsString) -> Result<CString, Failure> {
    CString::new(text.into_vec()).map_err(|_| Failure::new("a word of the command holds a NUL"))
}

/// Returns the caller's environment with additions, each variable once, the last one winning. What the caller's says of the
/// user is another user's where one is given.
fn environment(extra: &[String], user: Option<&User>) -> Result<Vec<OsString>, Failure> {
    let mut variables: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    if let Some(user) = user {
        variables
            .retain(|(key, _)| !["HOME", "USER", "LOGNAME"].contains(&&*key.to_string_lossy()));
        let named = user.name.iter().flat_map(|name| [("USER", name), ("LOGNAME", name)]);
        let own = named.chain([("HOME", &user.home)]);
        variables.extend(own.map(|(key, value)| (key.into(), value.into())));
    }
    for text in extra {
        if text.is_empty() || text.starts_with('=') {
            return Err(Failure::new(format!("invalid environment variable: {text}"))
                .hint("KEY=VALUE, or KEY alone for the caller's value"));
        }
        // A name alone means the caller's value, which is there already.
        let Some((key, value)) = text.split_once('=') else { continue };
        variables.retain(|(known, _)| known != key);
        variables.push((key.into(), value.into()));
    }
    let joined = |(mut key, value): (OsString, OsString)| {
        key.push("=");
        key.push(value);
        key
    };
    Ok(variables.into_iter().map(joined).collect())
}

fn variable<'a>(env: &'a [OsString], name: &str) -> Option<&'a OsStr> {
    env.iter().find_map(|pair| {
        let rest = pair.as_bytes().strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        Some(OsStr::from_bytes(rest))
    })
}

fn locate(word: &OsStr, path: Option<&OsStr>, dir: &Path) -> Result<PathBuf, Failure> {
    // Joined to a directory of PATH it would be that directory.
    if word.is_empty() {
        return Err(not_found(word, "executable file not found in $PATH"));
    }
    if word.as_bytes().contains(&b'/') {
        let place = dir.join(word);
        return match runnable(&place) {
            Some(true) => Ok(place),
            Some(false) => Err(not_executable(word)),
            None => Err(not_found(word, "no such file or directory")),
        };
    }
    let path =
        path.unwrap_or(OsStr::new("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
    let mut refused = false;
    for place in std::env::split_paths(path).map(|entry| dir.join(entry).join(word)) {
        match runnable(&place) {
            Some(true) => return Ok(place),
            Some(false) => refused = true,
            None => {}
        }
    }
    Err(if refused {
        not_executable(word)
    } else {
        not_found(word, "executable file not found in $PATH")
    })
}

/// Whether the file may be executed; none if there is none.
fn runnable(place: &Path) -> Option<bool> {
    let metadata = place.metadata().ok()?;
    Some(metadata.is_file() && access(place, AccessFlags::X_OK).is_ok())
}

fn not_executable(word: &OsStr) -> Failure {
    Failure::new(format!("exec: \"{}\": permission denied", word.display())).code(NOT_EXECUTABLE)
}

fn not_found(word: &OsStr, why: &str) -> Failure {
    let failure = Failure::new(format!("exec: \"{}\": {why}", word.display())).code(NOT_FOUND);
    if word.to_str().is_some_and(looks_like_image) {
        return failure.hint(
            "netdns has no images: it runs a program of this host, as in: netdns run sleep 3600",
        );
    }
    failure
}

/// Whether a word looks like an image: a well-known name, `NAME:TAG`, or `REGISTRY.TLD/...`.
fn looks_like_image(word: &str) -> bool {
    if word.starts_with(['/', '.']) {
        return false;
    }
    let (name, tag) = word.rsplit_once(':').unwrap_or((word, ""));
    let last = name.rsplit('/').next().unwrap_or(name);
    let registry = name.split_once('/').is_some_and(|(first, _)| first.contains('.'));
    IMAGES.contains(&last) || registry || (!tag.is_empty() && !tag.contains('/'))
}
