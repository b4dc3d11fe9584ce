//! Where the time comes from.

use dream_library::Moment;

/// The one source of time; tests set it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The clock of the system.
    System,
    /// A clock that stands still.
    Fixed(Moment),
}

impl Clock {
    /// The time now.
    pub fn now(self) -> Moment {
        match self {
            Self::System => Moment(jiff::Timestamp::now().as_millisecond()),
            Self::Fixed(moment) => moment,
        }
    }

    /// A moment as part of a file name in local time: `20260102_030405`.
    pub fn file_name(moment: Moment) -> String {
        jiff::Timestamp::from_millisecond(moment.0).map_or_else(
            |_| moment.0.to_string(),
            |time| {
                let local = time.to_zoned(jiff::tz::TimeZone::system());
                local.strftime("%Y%m%d_%H%M%S").to_string()
            },
        )
    }

    /// A moment as RFC 3339 in UTC with milliseconds: `2026-01-02T03:04:05.678Z`.
    pub fn text(moment: Moment) -> String {
        jiff::Timestamp::from_millisecond(moment.0)
            .map_or_else(|_| moment.0.to_string(), |time| format!("{time:.3}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc() {
        assert_eq!(Clock::text(Moment(0)), "1970-01-01T00:00:00.000Z");
        assert_eq!(Clock::text(Moment(1_767_323_045_678)), "2026-01-02T03:04:05.678Z");
        assert_eq!(Clock::text(Moment(i64::MAX)), i64::MAX.to_string());
    }
}
