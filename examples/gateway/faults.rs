//! What can be made to go wrong: for every request (an option of its own) or for the callees that
//! end in certain digits (`--on`).

use std::str::FromStr;
use std::time::Duration;

/// Ten years: enough for any wrong clock, and within what a `Date` header can say.
pub const MAX_CLOCK_OFFSET: i64 = 10 * 365 * 86_400;

/// What the gateway does with a request in place of what it would have done.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// Answer with this status once the request has passed every check.
    Status(i32),
    /// Answer as a proxy in front of the API would.
    HttpStatus(u16),
    /// Answer HTTP 200 with something that is not the API's JSON.
    Garbage,
    /// Close the connection without a response.
    Drop,
}

/// What goes wrong with one request; a part that is `None` is left as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fault {
    /// What happens in place of the usual response.
    pub outcome: Option<Outcome>,
    /// How long the gateway waits before it sends the response.
    pub delay: Option<Duration>,
    /// By how many seconds the gateway's clock is fast.
    pub clock_offset: Option<i64>,
    /// How long after the call its record appears.
    pub record_delay: Option<Duration>,
}

/// A response that is lost once the call has been accepted, by the last two digits of the callee.
#[derive(Debug)]
pub struct Lost {
    /// The two digits.
    pub suffix: &'static str,
    /// How long after the call its record appears.
    pub record_delay: Duration,
}

/// What is lost without any option.
const LOST: [Lost; 2] = [
    Lost {
        suffix: "91",
        record_delay: Duration::ZERO,
    },
    Lost {
        suffix: "92",
        record_delay: Duration::from_secs(3),
    },
];

/// What is lost of a call to this callee.
pub fn lost(callee: &str) -> Option<&'static Lost> {
    LOST.iter().find(|lost| callee.ends_with(lost.suffix))
}

impl Fault {
    /// This fault, and `other` where this one says nothing.
    fn or(self, other: Self) -> Self {
        Self {
            outcome: self.outcome.or(other.outcome),
            delay: self.delay.or(other.delay),
            clock_offset: self.clock_offset.or(other.clock_offset),
            record_delay: self.record_delay.or(other.record_delay),
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    /// Parses `drop`, `delay-ms:2000,status:-10` and the like.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut fault = Self::default();
        for part in text.split(',') {
            let (name, value) = match part.split_once(':') {
                Some((name, value)) => (name, Some(value)),
                None => (part, None),
            };
            let again = match name {
                "delay-ms" => fault
                    .delay
                    .replace(Duration::from_millis(number(name, value)?))
                    .is_some(),
                "clock-offset" => fault
                    .clock_offset
                    .replace(clock_offset(name, value)?)
                    .is_some(),
                "record-delay-ms" => fault
                    .record_delay
                    .replace(Duration::from_millis(number(name, value)?))
                    .is_some(),
                _ => fault.outcome.replace(outcome(name, value)?).is_some(),
            };
            if again {
                return Err(format!("\"{text}\" says two different things at once"));
            }
        }
        Ok(fault)
    }
}

fn outcome(name: &str, value: Option<&str>) -> Result<Outcome, String> {
    match (name, value) {
        ("drop", None) => Ok(Outcome::Drop),
        ("garbage", None) => Ok(Outcome::Garbage),
        ("drop" | "garbage", Some(_)) => Err(format!("{name} takes no value")),
        ("status", _) => Ok(Outcome::Status(number(name, value)?)),
        ("http-status", _) => match number(name, value)? {
            code @ 300..=599 => Ok(Outcome::HttpStatus(code)),
            code => Err(format!("http-status:{code} is not between 300 and 599")),
        },
        _ => Err(format!(
            "\"{name}\" is not a fault; it is one of status:N, delay-ms:N, http-status:N, \
             clock-offset:N, record-delay-ms:N, garbage, drop"
        )),
    }
}

fn clock_offset(name: &str, value: Option<&str>) -> Result<i64, String> {
    let seconds = number(name, value)?;
    if (-MAX_CLOCK_OFFSET..=MAX_CLOCK_OFFSET).contains(&seconds) {
        Ok(seconds)
    } else {
        Err(format!("clock-offset:{seconds} is more than ten years"))
    }
}

fn number<T: FromStr>(name: &str, value: Option<&str>) -> Result<T, String> {
    let value = value.ok_or_else(|| format!("{name} needs a number, as in {name}:502"))?;
    value
        .parse()
        .map_err(|_| format!("{name}:{value} does not have a number that fits"))
}

/// One `--on SUFFIX=FAULT`.
#[derive(Clone, Debug)]
pub struct Rule {
    suffix: String,
    fault: Fault,
}

impl FromStr for Rule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (suffix, fault) = text
            .split_once('=')
            .ok_or("it is written SUFFIX=FAULT, as in 91=drop")?;
        if suffix.is_empty() || !suffix.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("\"{suffix}\" is not the last digits of a callee"));
        }
        Ok(Self {
            suffix: suffix.to_owned(),
            fault: fault.parse()?,
        })
    }
}

/// All that was asked for on the command line.
#[derive(Debug)]
pub struct Faults {
    always: Fault,
    rules: Vec<Rule>,
}

impl Faults {
    /// `rules` go before `always`; two rules for the same suffix are a mistake.
    pub fn new(always: Fault, mut rules: Vec<Rule>) -> Result<Self, String> {
        // The longest suffix first: it is the one that says most about a callee.
        rules.sort_by(|a, b| (b.suffix.len(), &b.suffix).cmp(&(a.suffix.len(), &a.suffix)));
        match rules
            .windows(2)
            .find(|pair| pair[0].suffix == pair[1].suffix)
        {
            Some(pair) => Err(format!(
                "--on {suffix}=... is given twice; combine them, as in \
                 --on {suffix}=delay-ms:2000,drop",
                suffix = pair[0].suffix
            )),
            None => Ok(Self { always, rules }),
        }
    }

    /// What goes wrong with a request for this callee.
    pub fn of(&self, callee: &str) -> Fault {
        let rule = self
            .rules
            .iter()
            .find(|rule| callee.ends_with(&rule.suffix));
        rule.map_or(self.always, |rule| rule.fault.or(self.always))
    }
}
