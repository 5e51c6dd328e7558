//! Where a service's database is: a file, or a database on a PostgreSQL server.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// Where a database is. Prints without the password.
#[derive(Clone)]
pub enum Place {
    /// A file, written `sqlite:/var/lib/dialtone/onboarding.db`.
    Sqlite(PathBuf),
    /// A database on a server, written `postgres://user@host:5432/onboarding`; what may follow is what libpq knows
    /// (`?sslmode=verify-full&sslrootcert=…`, `&options[search_path]=onboarding` for a schema of its own). The
    /// password is best left out of the URL and in the file that `PGPASSFILE` names.
    Postgres(Box<PgConnectOptions>),
}

/// The text names no database. Says nothing of the text, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a database: write sqlite:/path/to/file.db or postgres://user@host:5432/database")]
pub struct InvalidPlace;

impl Place {
    /// The file itself.
    pub fn file(path: &Path) -> Self {
        Self::Sqlite(path.to_owned())
    }

    /// Whether it is a file that is not there.
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Sqlite(path) => !path.exists(),
            Self::Postgres(_) => false,
        }
    }

    fn server(url: &str) -> Result<Self, InvalidPlace> {
        let mut options = PgConnectOptions::from_str(url).map_err(|_| InvalidPlace)?;
        // libpq would try without TLS where the server has none, and hand the password to whoever answers. To
        // do without is possible on purpose: `?sslmode=disable`.
        if !url.contains("sslmode=") && !is_near(&options) {
            options = options.ssl_mode(PgSslMode::VerifyFull);
        }
        Ok(Self::Postgres(Box::new(options)))
    }
}

/// Whether nobody else can listen between here and there.
fn is_near(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    options.get_socket().is_some()
        || host.starts_with('/')
        || ["localhost", "127.0.0.1", "[::1]", "::1"].contains(&host)
}

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Self::server(text);
        }
        match text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")) {
            None | Some("") => Err(InvalidPlace),
            Some(path) => Ok(Self::file(Path::new(path))),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(options) => {
                let (user, database) = (options.get_username(), options.get_database().unwrap_or_default());
                let socket = options.get_socket().map(|folder| folder.display().to_string());
                let host = socket.unwrap_or_else(|| options.get_host().to_owned());
                write!(f, "postgres://{user}@{host}:{}/{database}", options.get_port())
            }
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> String {
        let place: Place = text.parse().unwrap_or_else(|_| panic!("a place: {text}"));
        format!("{place} {place:?}")
    }

    #[test]
    fn what_is_written_is_read_and_no_password_is_printed() {
        assert_eq!(printed("sqlite:/var/lib/a b.db"), "sqlite:/var/lib/a b.db sqlite:/var/lib/a b.db");
        assert_eq!(printed("sqlite:///var/lib/x.db"), "sqlite:/var/lib/x.db sqlite:/var/lib/x.db");
        assert_eq!(printed("sqlite:x.db"), "sqlite:x.db sqlite:x.db");
        let server = "postgres://ann@db.example:5433/codes";
        assert_eq!(printed("postgresql://ann:s3cret@db.example:5433/codes"), format!("{server} {server}"));
        assert!(printed("postgres://ann:s3cret@%2Frun%2Fpg/codes").starts_with("postgres://ann@/run/pg:"));
    }

    #[test]
    fn what_names_no_database_is_refused_without_repeating_it() {
        for wrong in ["", "sqlite:", "sqlite://", "/x.db", "mysql://ann:s3cret@h/x", "postgres://ann:s3cret@h:port/x"] {
            let error = wrong.parse::<Place>().expect_err("refused");
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{wrong}");
        }
    }

    #[test]
    fn a_server_elsewhere_must_prove_who_it_is() {
        let mode = |text: &str| match text.parse::<Place>().expect("a place") {
            Place::Postgres(options) => options.get_ssl_mode(),
            Place::Sqlite(path) => panic!("{}", path.display()),
        };
        for near in ["postgres://a@localhost/x", "postgres://a@127.0.0.1/x", "postgres://a@[::1]/x"] {
            assert!(matches!(mode(near), PgSslMode::Prefer), "{near}");
        }
        assert!(matches!(mode("postgres://a@%2Frun%2Fpg/x"), PgSslMode::Prefer));
        assert!(matches!(mode("postgres://a@192.0.2.7/x"), PgSslMode::VerifyFull));
        assert!(matches!(mode("postgres://a@db.example/x?sslmode=disable"), PgSslMode::Disable));
    }
}
