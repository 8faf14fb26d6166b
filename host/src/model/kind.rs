//! The types of columns, as the common vocabulary of connectors has them.

use std::fmt;
use std::str::FromStr;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// True or false.
    Boolean,
    /// A whole number of 16 bits.
    Short,
    /// A whole number of 32 bits.
    Int,
    /// A whole number of 64 bits.
    Long,
    /// A decimal number with every digit kept; with the given precision and scale, where there are any.
    Decimal(Option<(u8, u8)>),
    /// A binary floating point number of 32 bits.
    Float,
    /// A binary floating point number of 64 bits.
    Double,
    /// A date.
    NaiveDate,
    /// A time of day.
    NaiveTime,
    /// A date and time without zone.
    NaiveDatetime,
    /// A point in time.
    UtcDatetime,
    /// Bytes, base64 in the records.
    Binary,
    /// XML text.
    Xml,
    /// Text.
    String,
    /// Any JSON value.
    Json,
}

impl Kind {
    /// The names, in the order in which messages list them.
    pub const NAMES: [&str; 15] = [
        "BOOLEAN",
        "SHORT",
        "INT",
        "LONG",
        "DECIMAL",
        "FLOAT",
        "DOUBLE",
        "NAIVE_DATE",
        "NAIVE_TIME",
        "NAIVE_DATETIME",
        "UTC_DATETIME",
        "BINARY",
        "XML",
        "STRING",
        "JSON",
    ];
}

/// A name that is not one of [`Kind::NAMES`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKind(pub String);

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no column type; the types are {}", self.0, Kind::NAMES.join(", "))
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let unknown = || UnknownKind(text.to_owned());
        Ok(match text {
            "BOOLEAN" => Kind::Boolean,
            "SHORT" => Kind::Short,
            "INT" => Kind::Int,
            "LONG" => Kind::Long,
            "DECIMAL" => Kind::Decimal(None),
            "FLOAT" => Kind::Float,
            "DOUBLE" => Kind::Double,
            "NAIVE_DATE" => Kind::NaiveDate,
            "NAIVE_TIME" => Kind::NaiveTime,
            "NAIVE_DATETIME" => Kind::NaiveDatetime,
            "UTC_DATETIME" => Kind::UtcDatetime,
            "BINARY" => Kind::Binary,
            "XML" => Kind::Xml,
            "STRING" => Kind::String,
            "JSON" => Kind::Json,
            _ => {
                let size = text.strip_prefix("DECIMAL(").and_then(|rest| rest.strip_suffix(')')).ok_or_else(unknown)?;
                let (precision, scale) = size.split_once(',').ok_or_else(unknown)?;
                let precision: u8 = precision.trim().parse().map_err(|_| unknown())?;
                let scale: u8 = scale.trim().parse().map_err(|_| unknown())?;
                if precision == 0 || scale > precision {
                    return Err(unknown());
                }
                Kind::Decimal(Some((precision, scale)))
            }
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Boolean => "BOOLEAN",
            Kind::Short => "SHORT",
            Kind::Int => "INT",
            Kind::Long => "LONG",
            Kind::Decimal(None) => "DECIMAL",
            Kind::Decimal(Some((precision, scale))) => return write!(f, "DECIMAL({precision},{scale})"),
            Kind::Float => "FLOAT",
            Kind::Double => "DOUBLE",
            Kind::NaiveDate => "NAIVE_DATE",
            Kind::NaiveTime => "NAIVE_TIME",
            Kind::NaiveDatetime => "NAIVE_DATETIME",
            Kind::UtcDatetime => "UTC_DATETIME",
            Kind::Binary => "BINARY",
            Kind::Xml => "XML",
            Kind::String => "STRING",
            Kind::Json => "JSON",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_and_written_back() {
        for name in Kind::NAMES.into_iter().chain(["DECIMAL(12,2)"]) {
            assert_eq!(name.parse::<Kind>().map(|kind| kind.to_string()), Ok(name.to_owned()));
        }
    }

    #[test]
    fn other_names_are_refused() {
        for name in ["", "string", "DECIMAL()", "DECIMAL(0,0)", "DECIMAL(2,3)", "DECIMAL(300,2)", "TEXT"] {
            assert_eq!(name.parse::<Kind>(), Err(UnknownKind(name.to_owned())));
        }
    }
}
