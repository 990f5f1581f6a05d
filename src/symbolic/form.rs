//! Functions and sets of sizes as expressions of the language, where `/` of two ints is rounded down.
//!
//! What is printed is a normal form because it is made from one: from the table, not from how the function came about.

use super::function::Function;
use super::sizes::Sizes;

impl Function {
    /// The function as an expression of the open size `name`: `ceil(H / 4)`, `2 * floor((H - 1) / 3) + 5`.
    pub fn form(&self, name: &str) -> String {
        let points: Vec<(i128, i128)> = self
            .telling()
            .map(|(size, value)| (i128::from(size), i128::from(value)))
            .collect();
        let settled = &points[points
            .iter()
            .position(|(size, _)| *size > self.threshold() as i128)
            .unwrap_or(0)..];
        let (Some(first), Some(slope)) = (points.first(), self.slope()) else {
            return self.by_residue(name, &points);
        };
        let Some(form) = Form::find(settled, slope, self.period() as i128) else {
            return self.by_residue(name, &points);
        };
        if form.agrees(&points) {
            return form.print(name);
        }
        for (word, pick) in [
            ("max", i128::max as fn(i128, i128) -> i128),
            ("min", i128::min),
        ] {
            if points.iter().all(|(n, f)| pick(form.at(*n), first.1) == *f) {
                return format!("{word}({}, {})", form.print(name), first.1);
            }
        }
        self.with_head(name, &points, &form.print(name))
    }

    /// What a period adds, if it is the same for every residue.
    fn slope(&self) -> Option<i128> {
        let mut slopes = self.slopes().flatten();
        let first = slopes.next()?;
        slopes
            .all(|slope| slope == first)
            .then_some(i128::from(first))
    }

    /// The first values as a list, then an expression.
    fn with_head(&self, name: &str, points: &[(i128, i128)], rest: &str) -> String {
        let threshold = self.threshold() as i128;
        let value = |n: i128| {
            let found = points.iter().find(|(size, _)| *size == n);
            found.map_or("0".to_string(), |(_, value)| value.to_string())
        };
        let head: Vec<String> = (1..=threshold).map(value).collect();
        match head.is_empty() {
            true => rest.to_string(),
            false => format!(
                "if {name} <= {threshold} then [{}][{name} - 1] else {rest}",
                head.join(", ")
            ),
        }
    }

    /// What always can be said: a value and a slope for each residue.
    fn by_residue(&self, name: &str, points: &[(i128, i128)]) -> String {
        let period = self.period();
        let slopes: Vec<Option<i64>> = self.slopes().collect();
        let mut starts = vec!["0".to_string(); period];
        let mut steps = vec!["0".to_string(); period];
        for (index, slope) in slopes.into_iter().enumerate() {
            let size = (self.threshold() + index + 1) as u64;
            let (Some(slope), Some(value)) = (slope, self.at(size)) else {
                continue;
            };
            let residue = size as usize % period;
            let rounds = size as i128 / period as i128;
            starts[residue] = (i128::from(value) - rounds * i128::from(slope)).to_string();
            steps[residue] = slope.to_string();
        }
        let (starts, steps) = (starts.join(", "), steps.join(", "));
        let rest = format!(
            "[{steps}][{name} % {period}] * ({name} / {period}) + [{starts}][{name} % {period}]"
        );
        self.with_head(name, points, &rest)
    }
}

/// `scale * floor((a * n + b) / c) + offset`
#[derive(Clone, Copy, Debug)]
struct Form {
    scale: i128,
    a: i128,
    b: i128,
    c: i128,
    offset: i128,
    /// The division leaves no rest at any size that is allowed.
    exact: bool,
}

impl Form {
    fn find(points: &[(i128, i128)], slope: i128, period: i128) -> Option<Form> {
        let (_, origin) = *points.first()?;
        let common = points
            .iter()
            .fold(0, |common, (_, value)| divisor(common, value - origin));
        Form::floor(points, slope, period).or_else(|| {
            // All values are a multiple of `common` apart.
            let offset = origin.rem_euclid(common.max(1));
            if common < 2 {
                return None;
            }
            let reduced: Vec<(i128, i128)> = points
                .iter()
                .map(|(n, value)| (*n, (value - offset) / common))
                .collect();
            let form = Form::floor(&reduced, slope / common, period)?;
            Some(Form {
                scale: common,
                offset: form.offset * common + offset,
                ..form
            })
        })
    }

    /// The plain floor of an affine function, if it is one.
    fn floor(points: &[(i128, i128)], slope: i128, period: i128) -> Option<Form> {
        let common = divisor(slope, period).max(1);
        let (a, c) = (slope / common, period / common);
        let least = points.iter().map(|(n, f)| c * f - a * n).max()?;
        let most = points.iter().map(|(n, f)| c * f - a * n + c - 1).min()?;
        if least > most {
            return None;
        }
        let exact = points.iter().all(|(n, f)| c * f - a * n == least);
        // A rest of 0 is a plain floor, of c - 1 a ceil; otherwise the least.
        let b = [0, c - 1]
            .into_iter()
            .map(|rest| least + (rest - least).rem_euclid(c))
            .find(|b| *b <= most)
            .filter(|b| !exact || *b == least)
            .unwrap_or(least);
        Some(Form {
            scale: 1,
            a,
            b: b.rem_euclid(c),
            c,
            offset: b.div_euclid(c),
            exact,
        })
    }

    fn at(&self, n: i128) -> i128 {
        self.scale * (self.a * n + self.b).div_euclid(self.c) + self.offset
    }

    fn agrees(&self, points: &[(i128, i128)]) -> bool {
        points.iter().all(|(n, value)| self.at(*n) == *value)
    }

    fn print(&self, name: &str) -> String {
        let Form {
            scale,
            a,
            mut b,
            c,
            mut offset,
            exact,
        } = *self;
        if a == 0 {
            return (scale * b.div_euclid(c) + offset).to_string();
        }
        let times = if a == 1 {
            name.to_string()
        } else {
            format!("{a} * {name}")
        };
        if c == 1 {
            let times = if scale == 1 {
                times
            } else {
                format!("{} * {name}", scale * a)
            };
            return plus(times, offset + scale * b);
        }
        let whole = if exact && b == 0 {
            format!("{times} / {c}")
        } else if b == 0 {
            format!("floor({times} / {c})")
        } else if b == c - 1 && !exact {
            format!("ceil({times} / {c})")
        } else {
            // One constant reads better than one inside and one outside: `floor((H - 7) / 4)`.
            if offset % scale == 0 {
                b += offset / scale * c;
                offset = 0;
            }
            let inner = plus(times, b);
            match exact {
                true => format!("({inner}) / {c}"),
                false => format!("floor(({inner}) / {c})"),
            }
        };
        let scaled = match scale {
            1 => whole,
            _ => format!("{scale} * {}", bracketed(whole)),
        };
        plus(scaled, offset)
    }
}

/// `x / 4` as a factor: `(x / 4)`, because products and quotients are taken from the left.
fn bracketed(text: String) -> String {
    match text.ends_with(')') && !text.starts_with('(') {
        true => text,
        false => format!("({text})"),
    }
}

fn plus(text: String, offset: i128) -> String {
    match offset {
        0 => text,
        1.. => format!("{text} + {offset}"),
        _ => format!("{text} - {}", -offset),
    }
}

fn divisor(a: i128, b: i128) -> i128 {
    let (mut a, mut b) = (a.abs(), b.abs());
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Sizes {
    /// The set as a condition of the language on the open size `name`: `H % 32 == 0 and H >= 64`.
    pub fn condition(&self, name: &str) -> String {
        let (threshold, period) = self.rate();
        let (Some(first), start) = (self.first(), threshold as u64 + 1) else {
            return "false".into();
        };
        let residues: Vec<u64> = (start..start + period as u64)
            .filter(|size| self.contains(*size))
            .map(|size| size % period as u64)
            .collect();
        if residues.is_empty() {
            return self.finite(name);
        }
        let class = residue_class(name, period as u64, &residues);
        let of_class = |size: u64| residues.contains(&(size % period as u64));
        let bound = (first > 1 && (period == 1 || (1..first).any(&of_class)))
            .then(|| format!("{name} >= {first}"));
        // Sizes of the class after the first that do not belong, and others that do.
        let missing: Vec<u64> = (first..start)
            .filter(|size| of_class(*size) && !self.contains(*size))
            .collect();
        let extra: Vec<u64> = (first..start)
            .filter(|size| !of_class(*size) && self.contains(*size))
            .collect();
        let mut parts: Vec<String> = class.into_iter().chain(bound).collect();
        parts.extend(missing.iter().map(|size| format!("{name} != {size}")));
        let all = match parts.is_empty() {
            true => format!("{name} >= 1"),
            false => parts.join(" and "),
        };
        extra
            .iter()
            .fold(all, |all, size| format!("{all} or {name} == {size}"))
    }

    /// The condition as a side of an `and`, which binds tighter than an `or`.
    pub fn clause(&self, name: &str) -> String {
        let condition = self.condition(name);
        let mut depth = 0;
        let has_or = condition.char_indices().any(|(index, c)| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            depth == 0 && condition[index..].starts_with(" or ")
        });
        match has_or {
            true => format!("({condition})"),
            false => condition,
        }
    }

    /// The condition as people say it: `H is even`.
    pub fn words(&self, name: &str) -> String {
        let even = Sizes::sample((0, 2), |size| size % 2 == 0);
        let odd = Sizes::sample((0, 2), |size| size % 2 == 1);
        if Ok(self) == even.as_ref() {
            return format!("{name} is even");
        }
        if Ok(self) == odd.as_ref() {
            return format!("{name} is odd");
        }
        let period = self.rate().1 as u64;
        let multiples = Sizes::sample((0, period as usize), |size| size.is_multiple_of(period));
        if period > 1 && Ok(self) == multiples.as_ref() {
            return format!("{name} is a multiple of {period}");
        }
        format!("`{}`", self.condition(name))
    }

    fn finite(&self, name: &str) -> String {
        let all: Vec<u64> = self.telling().collect();
        let (first, last) = (all.first().copied(), all.last().copied());
        match (first, last) {
            (Some(first), Some(last)) if last - first + 1 == all.len() as u64 && last > first => {
                match first {
                    1 => format!("{name} <= {last}"),
                    _ => format!("{name} >= {first} and {name} <= {last}"),
                }
            }
            _ => {
                let each: Vec<String> = all.iter().map(|n| format!("{name} == {n}")).collect();
                each.join(" or ")
            }
        }
    }
}

/// The condition that a size has one of these residues; `None` if all do.
fn residue_class(name: &str, period: u64, residues: &[u64]) -> Option<String> {
    let has = |residue: u64| residues.contains(&residue);
    let n = residues.len() as u64;
    if n == period {
        return None;
    }
    if let [only] = residues {
        return Some(format!("{name} % {period} == {only}"));
    }
    if n + 1 == period {
        let missing = (0..period).find(|residue| !has(*residue)).unwrap_or(0);
        return Some(format!("{name} % {period} != {missing}"));
    }
    if (0..n).all(has) {
        return Some(format!("{name} % {period} < {n}"));
    }
    if (period - n..period).all(has) {
        return Some(format!("{name} % {period} >= {}", period - n));
    }
    let each: Vec<String> = (0..period)
        .filter(|residue| has(*residue))
        .map(|residue| format!("{name} % {period} == {residue}"))
        .collect();
    Some(format!("({})", each.join(" or ")))
}
