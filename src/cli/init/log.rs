//! Log: what a detached sandbox says, as JSON lines `{"t":TIME,"s":"stdout"|"stderr","m":TEXT}` in STATE_DIR/logs. It is
//! bounded: at 10 MB the file becomes ID.log.1 and takes the place of the one before.

use crate::cli::clock;
use nix::fcntl::{FcntlArg, OFlag, fcntl, openat, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{dup2_stderr, dup2_stdout};
use serde::Serialize;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

/// Bytes of one file; there are two.
const LIMIT: usize = 10_000_000;
/// Bytes after which a line is cut.
const LONGEST_LINE: usize = 16 * 1024;
/// Bytes that are still read after the command has ended: what it left in the pipes.
const LAST_WORDS: usize = 1 << 20;

/// A sandbox's log with the pipes that feed it.
pub struct Log {
    dir: File,
    name: String,
    file: File,
    size: usize,
    streams: Vec<Stream>,
}

/// One of the two outputs.
struct Stream {
    name: &'static str,
    reader: Option<PipeReader>,
    writer: Option<PipeWriter>,
    partial: Vec<u8>,
}

#[derive(Serialize)]
struct Line<'a> {
    t: String,
    s: &'a str,
    m: &'a str,
}

impl Log {
    /// Opens the log of a sandbox in a directory that need not have a path any more.
    pub fn open(dir: File, id: &str) -> io::Result<Self> {
        let name = format!("{id}.log");
        let file = create(&dir, &name)?;
        let streams = vec![Stream::new("stdout")?, Stream::new("stderr")?];
        Ok(Self { dir, name, file, size: 0, streams })
    }

    /// Makes the pipes the stdout and stderr of this process.
    pub fn take_stdio(&self) -> io::Result<()> {
        let writer = |stream: &Stream| stream.writer.as_ref().map(|w| w.try_clone()).transpose();
        if let Some(out) = writer(&self.streams[0])? {
            dup2_stdout(&out)?;
        }
        if let Some(err) = writer(&self.streams[1])? {
            dup2_stderr(&err)?;
        }
        Ok(())
    }

    /// Closes the ends that the command has now.
    pub fn close_writers(&mut self) {
        self.streams.iter_mut().for_each(|stream| stream.writer = None);
    }

    /// Returns what to wait on.
    pub fn readers(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.streams.iter().filter_map(|stream| stream.reader.as_ref()).map(|reader| reader.as_fd())
    }

    /// Writes what has come.
    pub fn pump(&mut self) {
        for index in 0..self.streams.len() {
            self.read_once(index);
        }
    }

    /// Writes what is left when the command has ended; its children may hold the pipes open, and are not waited for.
    pub fn finish(&mut self) {
        for index in 0..self.streams.len() {
            let mut read = 0;
            while read < LAST_WORDS {
                let Some(count) = self.read_once(index) else { break };
                read += count;
            }
            let rest = std::mem::take(&mut self.streams[index].partial);
            if !rest.is_empty() {
                self.write(self.streams[index].name, &rest);
            }
        }
    }

    /// Reads a piece of one stream; none if there is nothing to read now.
    fn read_once(&mut self, index: usize) -> Option<usize> {
        let stream = &mut self.streams[index];
        let mut piece = [0; 64 * 1024];
        let count = match stream.reader.as_mut()?.read(&mut piece) {
            Ok(0) => {
                stream.reader = None;
                return None;
            }
            Ok(count) => count,
            Err(_) => return None,
        };
        stream.partial.extend_from_slice(&piece[..count]);
        let (name, lines) = (stream.name, stream.lines());
        lines.iter().for_each(|line| self.write(name, line));
        Some(count)
    }

    /// Appends one line. A full disk loses lines, never the sandbox.
    fn write(&mut self, stream: &'static str, text: &[u8]) {
        let line =
            Line { t: clock::format(clock::now()), s: stream, m: &String::from_utf8_lossy(text) };
        let mut bytes = serde_json::to_vec(&line).expect("a line is plain data");
        bytes.push(b'\n');
        if self.size > 0 && self.size + bytes.len() > LIMIT {
            self.rotate();
        }
        if self.file.write_all(&bytes).is_ok() {
            self.size += bytes.len();
        }
    }

    fn rotate(&mut self) {
        let old = format!("{}.1", self.name);
        renameat(&self.dir, self.name.as_str(), &self.dir, old.as_str()).ok();
        if let Ok(file) = create(&self.dir, &self.name) {
            self.file = file;
            self.size = 0;
        }
    }
}

impl Stream {
    fn new(name: &'static str) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok(Self { name, reader: Some(reader), writer: Some(writer), partial: Vec::new() })
    }

    /// Takes the whole lines out of what has been read, and what is too long to wait for its end.
    fn lines(&mut self) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        loop {
            let end = match self.partial.iter().position(|byte| *byte == b'\n') {
                Some(end) => (end + 1).min(LONGEST_LINE),
                None if self.partial.len() >= LONGEST_LINE => LONGEST_LINE,
                None => return lines,
            };
            let rest = self.partial.split_off(end);
            lines.push(std::mem::replace(&mut self.partial, rest));
        }
    }
}

fn create(dir: &File, name: &str) -> io::Result<File> {
    let flags =
        OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_APPEND | OFlag::O_CLOEXEC;
    Ok(File::from(openat(dir, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?))
}
