//! Lex: cuts a file into entries, and each into words. Parentheses join lines, a semicolon starts a comment, quotation
//! marks keep blanks together; escapes stay as they are written (RFC 1035 section 5.1).

use super::ZoneError;

/// A word of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// Its text, without quotation marks, with its escapes.
    pub text: &'a [u8],
    /// Whether it stood in quotation marks.
    pub quoted: bool,
}

/// One entry: a line, or several that parentheses join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The line where it starts, from 1.
    pub line: usize,
    /// Whether it starts with a blank: its owner is that of the entry before it.
    pub indented: bool,
    /// Its words; at least one.
    pub words: Vec<Word<'a>>,
}

/// Reads entries one after another.
pub struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    line: usize,
}

impl<'a> Lexer<'a> {
    /// Starts at a file's first line.
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, line: 1 }
    }

    /// Returns the next entry that has a word; nothing at the end of the file.
    pub fn next(&mut self) -> Result<Option<Entry<'a>>, ZoneError> {
        while self.at < self.text.len() {
            let entry = self.entry()?;
            if !entry.words.is_empty() {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    fn entry(&mut self) -> Result<Entry<'a>, ZoneError> {
        let indented = matches!(self.peek(), Some(b' ' | b'\t'));
        let mut entry = Entry { line: self.line, indented, words: Vec::new() };
        let mut opened = None;
        while let Some(byte) = self.peek() {
            match byte {
                b'\n' => {
                    self.at += 1;
                    self.line += 1;
                    if opened.is_none() {
                        return Ok(entry);
                    }
                }
                b' ' | b'\t' | b'\r' => self.at += 1,
                b';' => self.skip_comment(),
                b'(' if opened.is_some() => {
                    return Err(self.wrong("a parenthesis within parentheses"));
                }
                b'(' => {
                    opened = Some(self.line);
                    self.at += 1;
                }
                b')' if opened.take().is_none() => return Err(self.wrong("a ) without its (")),
                b')' => self.at += 1,
                b'"' => entry.words.push(self.quoted()?),
                _ => entry.words.push(self.plain()?),
            }
        }
        match opened {
            Some(line) => Err(ZoneError::new(line, "a ( without its )")),
            None => Ok(entry),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn wrong(&self, reason: &str) -> ZoneError {
        ZoneError::new(self.line, reason)
    }

    fn skip_comment(&mut self) {
        while self.peek().is_some_and(|byte| byte != b'\n') {
            self.at += 1;
        }
    }

    fn quoted(&mut self) -> Result<Word<'a>, ZoneError> {
        let start = self.at + 1;
        self.at = start;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') if matches!(self.text.get(self.at + 1), None | Some(b'\n' | b'\r')) => {
                    return Err(self.wrong("nothing follows the backslash"));
                }
                Some(b'\\') => self.at += 2,
                Some(b'\n') | None => {
                    return Err(self.wrong("a quotation mark without its other one"));
                }
                Some(_) => self.at += 1,
            }
        }
        let text = &self.text[start..self.at];
        self.at += 1;
        Ok(Word { text, quoted: true })
    }

    fn plain(&mut self) -> Result<Word<'a>, ZoneError> {
        let start = self.at;
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'(' | b')' => break,
                // A parameter's value may be quoted: key="value" (RFC 9460 section 2.1).
                b'"' => {
                    self.quoted()?;
                }
                b'\\' if matches!(self.text.get(self.at + 1), None | Some(b'\n' | b'\r')) => {
                    return Err(self.wrong("nothing follows the backslash"));
                }
                b'\\' => self.at += 2,
                0..=31 | 127 => return Err(self.wrong("a control character")),
                _ => self.at += 1,
            }
        }
        Ok(Word { text: &self.text[start..self.at], quoted: false })
    }
}
