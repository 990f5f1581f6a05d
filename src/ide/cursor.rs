//! What can stand at a place, from the tokens before it. Tokens are there whatever state the text is in.

use std::ops::Range;

use crate::syntax::{Token, TokenKind, tokens};

/// What is wanted at a place.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// Nothing that could be proposed: a comment, a number, a new name.
    Nothing,
    /// A declaration.
    Declaration,
    /// The path of a `use`.
    Path,
    /// A name that the file of this path declares.
    UsedName(String),
    /// The type of a parameter.
    Type,
    /// A property of a value.
    Field,
    /// A step; whether a statement may begin here as well.
    Step {
        /// Whether it may.
        starts_statement: bool,
    },
    /// What `net A = ` or `block A = ` fixes parameters of.
    Base,
    /// An expression.
    Expression,
    /// An argument of a call that has begun with nothing yet.
    Argument(OpenCall),
    /// The value of a named argument, within the text of a string if `in_text`.
    Value {
        /// The call.
        call: OpenCall,
        /// The argument's name.
        name: String,
        /// Whether the place is inside a string.
        in_text: bool,
    },
}

/// A call whose parenthesis is open at a place.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenCall {
    /// What is called.
    pub callee: String,
    /// Where that stands.
    pub callee_at: usize,
    /// How many arguments without a name stand before this one.
    pub position: usize,
    /// The names of the other arguments.
    pub given: Vec<String>,
    /// The name of this argument, if it has one.
    pub name: Option<String>,
}

/// A place in a text.
pub struct Cursor<'t> {
    text: &'t str,
    /// Those that end before the word at the place.
    before: Vec<Token>,
    /// Those behind it.
    after: Vec<Token>,
    /// The word at the place, as far as it is written.
    pub typed: Range<usize>,
    in_text: Option<Token>,
    in_comment: bool,
}

impl<'t> Cursor<'t> {
    /// The place at a byte.
    pub fn new(text: &'t str, at: usize) -> Cursor<'t> {
        let all = tokens(text);
        let n_before =
            all.partition_point(|token| token.end < at || token.start < at && token.end == at);
        let mut before = all[..n_before].to_vec();
        let after = all[n_before..].to_vec();
        let covering = after.first().filter(|token| token.start < at).copied();
        let mut typed = at..at;
        let mut in_text = None;
        match (before.last().copied(), covering) {
            (_, Some(token)) if token.kind == TokenKind::Text => in_text = Some(token),
            (_, Some(token)) if token.kind == TokenKind::Word => typed = token.start..at,
            (Some(last), _) if last.end == at && last.kind == TokenKind::Word => {
                typed = last.start..at;
                before.pop();
            }
            (Some(last), _) if last.end == at && is_open_text(text, last) => {
                in_text = Some(last);
                before.pop();
            }
            _ => {}
        }
        let from = before.last().map_or(0, |token| token.end);
        let in_comment = in_text.is_none() && ends_in_comment(&text[from..typed.start.max(from)]);
        Cursor {
            text,
            before,
            after,
            typed,
            in_text,
            in_comment,
        }
    }

    /// Where the text begins that the place is in, its quote aside.
    pub fn text_start(&self) -> Option<usize> {
        self.in_text.map(|token| token.start + 1)
    }

    fn word(&self, index: usize) -> &'t str {
        match self.before.get(index) {
            Some(token) => &self.text[token.start..token.end],
            None => "",
        }
    }

    /// The token `back` before the place: 1 is the last.
    fn back(&self, back: usize) -> &'t str {
        match self.before.len().checked_sub(back) {
            Some(index) => self.word(index),
            None => "",
        }
    }

    /// The brackets that are open at the place, as indices of tokens.
    fn open_brackets(&self) -> Vec<usize> {
        let mut open = Vec::new();
        for index in 0..self.before.len() {
            match self.word(index) {
                "(" | "[" | "{" => open.push(index),
                ")" | "]" | "}" => {
                    open.pop();
                }
                // A declaration at the margin ends what was left open before it.
                "net" | "block" | "fn" | "use" if self.is_at_margin(index) => open.clear(),
                _ => {}
            }
        }
        open
    }

    fn is_at_margin(&self, index: usize) -> bool {
        let start = self.before.get(index).map_or(0, |token| token.start);
        start == 0 || self.text.as_bytes().get(start - 1) == Some(&b'\n')
    }

    /// The innermost call that is open, however deep in brackets of its arguments the place is.
    pub fn open_call(&self) -> Option<OpenCall> {
        if self.in_comment {
            return None;
        }
        let open = self.open_brackets();
        for &bracket in open.iter().rev() {
            if self.word(bracket) == "{" {
                return None;
            }
            if let Some(call) = self.call_at(bracket) {
                return Some(call);
            }
        }
        None
    }

    fn call_at(&self, bracket: usize) -> Option<OpenCall> {
        let callee_index = bracket.checked_sub(1)?;
        let callee = self.before.get(callee_index)?;
        let opener = self.before.get(bracket)?;
        let is_call = self.word(bracket) == "("
            && callee.kind == TokenKind::Word
            && callee.end == opener.start
            && !self.is_declared(callee_index);
        is_call.then(|| {
            let mut call = OpenCall {
                callee: self.word(callee_index).to_string(),
                callee_at: callee.start,
                position: 0,
                given: Vec::new(),
                name: None,
            };
            self.read_arguments(bracket, &mut call);
            call
        })
    }

    /// Whether a word is the name of a declaration.
    fn is_declared(&self, index: usize) -> bool {
        let before = index.checked_sub(1).map_or("", |index| self.word(index));
        matches!(before, "net" | "block" | "fn")
    }

    fn read_arguments(&self, bracket: usize, call: &mut OpenCall) {
        let mut depth = 0usize;
        let mut starts = true;
        for index in bracket + 1..self.before.len() {
            let word = self.word(index);
            match word {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                "," if depth == 0 => {
                    match call.name.take() {
                        Some(name) => call.given.push(name),
                        None => call.position += 1,
                    }
                    starts = true;
                    continue;
                }
                _ if starts && self.word(index + 1) == "=" => call.name = Some(word.to_string()),
                _ => {}
            }
            starts = false;
        }
        self.read_rest(call);
    }

    /// The names of the arguments behind the place.
    fn read_rest(&self, call: &mut OpenCall) {
        let mut depth = 0usize;
        let mut starts = false;
        for pair in self.after.windows(2) {
            let word = &self.text[pair[0].start..pair[0].end];
            match word {
                "(" | "[" => depth += 1,
                ")" | "]" if depth == 0 => return,
                ")" | "]" => depth -= 1,
                "{" | "}" | "->" => return,
                "," if depth == 0 => {
                    starts = true;
                    continue;
                }
                _ if starts && &self.text[pair[1].start..pair[1].end] == "=" => {
                    call.given.push(word.to_string());
                }
                _ => {}
            }
            starts = false;
        }
    }

    /// What is wanted here.
    pub fn wanted(&self) -> Wanted {
        if self.in_comment {
            return Wanted::Nothing;
        }
        if self.in_text.is_some() {
            return self.wanted_in_text();
        }
        let last = self.before.last();
        if self.typed.is_empty()
            && last.is_some_and(|t| t.kind == TokenKind::Number && t.end == self.typed.start)
        {
            return Wanted::Nothing;
        }
        if self.back(1) == "." {
            return Wanted::Field;
        }
        match self.open_brackets().last() {
            None => self.wanted_outside(),
            Some(&bracket) => match self.word(bracket) {
                "(" => self.wanted_in_parenthesis(bracket),
                "[" => Wanted::Expression,
                _ => self.wanted_in_body(),
            },
        }
    }

    fn wanted_in_text(&self) -> Wanted {
        if self.back(1) == "use" {
            return Wanted::Path;
        }
        match self.open_call() {
            Some(call) => match call.name.clone() {
                Some(name) if self.back(1) == "=" => Wanted::Value {
                    call,
                    name,
                    in_text: true,
                },
                _ => Wanted::Nothing,
            },
            None => Wanted::Nothing,
        }
    }

    fn wanted_outside(&self) -> Wanted {
        let is_named = matches!(self.back(3), "net" | "block");
        match self.back(1) {
            "=" if is_named => Wanted::Base,
            "=" => Wanted::Expression,
            "net" | "block" | "fn" | "use" => Wanted::Nothing,
            "as" => Wanted::Nothing,
            word if is_operator(word) => Wanted::Expression,
            _ if self.starts_line() => Wanted::Declaration,
            _ => Wanted::Nothing,
        }
    }

    fn starts_line(&self) -> bool {
        let end = self.before.last().map_or(0, |token| token.end);
        end == 0 || self.text[end..self.typed.start.max(end)].contains('\n')
    }

    fn wanted_in_parenthesis(&self, bracket: usize) -> Wanted {
        let previous = bracket.checked_sub(1).and_then(|i| self.before.get(i));
        if previous.is_some_and(|token| token.kind == TokenKind::Text) {
            let path = self.word(bracket - 1).trim_matches('"').to_string();
            return match self.back(1) {
                "(" | "," => Wanted::UsedName(path),
                _ => Wanted::Nothing,
            };
        }
        if bracket >= 1 && self.is_declared(bracket - 1) {
            return match self.back(1) {
                ":" => Wanted::Type,
                "=" => Wanted::Expression,
                word if is_operator(word) => Wanted::Expression,
                _ => Wanted::Nothing,
            };
        }
        match (self.call_at(bracket), self.back(1)) {
            (Some(call), "(" | ",") => Wanted::Argument(call),
            (Some(call), "=") => match call.name.clone() {
                Some(name) => Wanted::Value {
                    call,
                    name,
                    in_text: false,
                },
                None => Wanted::Expression,
            },
            (Some(_), word) if is_operator(word) => Wanted::Expression,
            (Some(_), _) => Wanted::Nothing,
            (None, _) => self.wanted_in_chain(bracket),
        }
    }

    /// Inside parentheses that group: a chain or an expression, as what stands before them.
    fn wanted_in_chain(&self, bracket: usize) -> Wanted {
        let in_expression = self.is_in_expression(bracket);
        match self.back(1) {
            word if !is_operator(word) && !matches!(word, "(" | "->" | ":") => Wanted::Nothing,
            _ if in_expression => Wanted::Expression,
            _ => Wanted::Step {
                starts_statement: false,
            },
        }
    }

    /// Whether the statement up to a token is one that takes an expression.
    fn is_in_expression(&self, up_to: usize) -> bool {
        for index in (0..up_to).rev() {
            match self.word(index) {
                "=" | "where" | "require" | "when" | "if" | "then" | "labels" | ".." => {
                    return true;
                }
                "in" if index >= 2 && self.word(index - 2) == "repeat" => return true,
                "->" | "{" | "}" | ":" => return false,
                _ => {}
            }
        }
        false
    }

    fn wanted_in_body(&self) -> Wanted {
        let step = |starts_statement| Wanted::Step { starts_statement };
        match self.back(1) {
            "->" => step(false),
            "{" | "}" => step(true),
            "let" | "input" | "output" | "repeat" => Wanted::Nothing,
            "where" | "require" | "when" | "if" | "then" | "labels" | "and" | "or" | "not"
            | ".." => Wanted::Expression,
            "in" if self.back(3) == "repeat" => Wanted::Expression,
            "else" => match self.is_in_expression(self.before.len() - 1) {
                true => Wanted::Expression,
                false => Wanted::Nothing,
            },
            ":" if self.back(3) == "input" => Wanted::Nothing,
            ":" => step(false),
            "+" | "-" | "*" if !self.is_in_expression(self.before.len() - 1) => step(false),
            "," if !self.is_in_expression(self.before.len() - 1) => Wanted::Nothing,
            word if is_operator(word) => Wanted::Expression,
            _ if self.starts_line() => step(true),
            _ => Wanted::Nothing,
        }
    }
}

/// Whether an operand is wanted behind it.
fn is_operator(word: &str) -> bool {
    matches!(
        word,
        "+" | "-"
            | "*"
            | "/"
            | "%"
            | "="
            | "=="
            | "!="
            | "<"
            | "<="
            | ">"
            | ">="
            | ","
            | "("
            | "["
            | "and"
            | "or"
            | "not"
            | "if"
            | "then"
            | "else"
            | ".."
    )
}

/// Whether the text of a token goes on behind it.
fn is_open_text(text: &str, token: Token) -> bool {
    let piece = &text[token.start..token.end];
    token.kind == TokenKind::Text && (piece.len() == 1 || !piece.ends_with('"'))
}

/// Whether what lies between two tokens ends inside a comment.
fn ends_in_comment(gap: &str) -> bool {
    let mut rest = gap;
    loop {
        match (rest.find("//"), rest.find("/*")) {
            (Some(line), block) if block.is_none_or(|block| line < block) => {
                match rest[line..].find('\n') {
                    Some(length) => rest = &rest[line + length..],
                    None => return true,
                }
            }
            (_, Some(block)) => match rest[block..].find("*/") {
                Some(length) => rest = &rest[block + length + 2..],
                None => return true,
            },
            _ => return false,
        }
    }
}
