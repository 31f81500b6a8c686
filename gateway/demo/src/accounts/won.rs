//! Amounts of money: whole won, from one to a trillion. Written as a number, read as a number or as decimal digits.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

/// The largest amount; far below where sums of 64 bits would overflow.
const WON_MAX: u64 = 1_000_000_000_000;

/// An amount that can be transferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Won(i64);

impl Won {
    pub(crate) const fn get(self) -> i64 {
        self.0
    }

    fn new(amount: u64) -> Option<Self> {
        if amount > WON_MAX { None } else { i64::try_from(amount).ok().filter(|won| *won > 0).map(Self) }
    }
}

impl<'de> Deserialize<'de> for Won {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WonVisitor)
    }
}

struct WonVisitor;

impl Visitor<'_> for WonVisitor {
    type Value = Won;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "whole won from 1 to {WON_MAX}, as a number or as a string of digits")
    }

    fn visit_u64<E: de::Error>(self, amount: u64) -> Result<Won, E> {
        Won::new(amount).ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(amount), &self))
    }

    fn visit_i64<E: de::Error>(self, amount: i64) -> Result<Won, E> {
        Err(E::invalid_value(de::Unexpected::Signed(amount), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Won, E> {
        let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let amount = if is_digits { text.parse().ok().and_then(Won::new) } else { None };
        amount.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

#[cfg(test)]
mod tests {
    use super::Won;

    fn read(json: &str) -> Option<i64> {
        serde_json::from_str::<Won>(json).ok().map(Won::get)
    }

    #[test]
    fn an_amount_is_a_number_or_digits() {
        assert_eq!(read("12000"), Some(12_000));
        assert_eq!(read("\"12000\""), Some(12_000), "clients that keep money in strings are understood");
        assert_eq!(read("1000000000000"), Some(1_000_000_000_000), "the largest amount");
    }

    #[test]
    fn nothing_else_is_money() {
        for json in
            ["0", "-5", "1.5", "1000000000001", "\"\"", "\"+5\"", "\"-5\"", "\"1.5\"", "\"5 \"", "null", "[]"]
        {
            assert_eq!(read(json), None, "{json} must not become money");
        }
    }
}
