//! Whoever changes the database behind the program's back is found out.

use audit::{Anchor, Broken, Fault};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, Row};
use storage::testing::Kind;
use storage::{Connection, Place, on, on_each_database};

use crate::world::{Done, OTHER, PUT, World};

const ROWS: i64 = 4;
const INTEGERS: [&str; 2] = ["number", "at"];
const TEXTS: [&str; 8] = ["concerns", "subject", "subject_tenant", "source", "request_id", "verb", "target", "detail"];

/// A way into the database that no trigger and no check stands in.
enum Intruder {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Intruder {
    fn connection(&mut self) -> Connection<'_> {
        match self {
            Self::Sqlite(connection) => Connection::Sqlite(connection),
            Self::Postgres(connection) => Connection::Postgres(connection),
        }
    }
}

async fn intruder(world: &World) -> Intruder {
    let (mut intruder, doors): (_, &[&str]) = match world.database.place() {
        Place::Sqlite(file) => {
            let options = SqliteConnectOptions::new().filename(file).pragma("ignore_check_constraints", "ON");
            let connection = options.pragma("synchronous", "OFF").connect().await.expect("a connection");
            (Intruder::Sqlite(connection), &["DROP TRIGGER act_keeps_its_rows", "DROP TRIGGER act_loses_no_row"])
        }
        Place::Postgres(server) => {
            let doors = &[
                "ALTER TABLE act DISABLE TRIGGER USER",
                "ALTER TABLE act DROP CONSTRAINT act_number_check",
                "ALTER TABLE act DROP CONSTRAINT act_previous_check",
                "ALTER TABLE act DROP CONSTRAINT act_hash_check",
            ];
            (Intruder::Postgres(server.connect().await.expect("a connection")), doors)
        }
    };
    for door in doors {
        run(&mut intruder, door).await;
    }
    intruder
}

async fn run(intruder: &mut Intruder, statement: &str) {
    let statement = AssertSqlSafe(statement.to_owned());
    on!(intruder, conn => sqlx::query(statement).execute(conn).await.map(drop)).expect("done");
}

async fn log(kind: Kind) -> World {
    let world = World::new(kind).await;
    let second = Done { concerns: OTHER, subject: "per_1", verb: "profile.create", target: "prf_1", at: 2000 };
    world.write(&[PUT, second, PUT, Done { at: -1, target: "", ..PUT }]).await;
    world
}

/// A log broken at that place is found at that place.
async fn assert_broken(world: &World, number: i64, why: Fault, what: &str) {
    let number = u64::try_from(number).expect("a number");
    assert_eq!(world.verified(None).await, Err(Broken { number, why }), "{what}");
}

/// The bytes of one column of one row, whatever its type.
async fn bytes(intruder: &mut Intruder, column: &str, number: i64) -> Vec<u8> {
    let bytes = match intruder {
        Intruder::Sqlite(_) => format!("CAST({column} AS BLOB)"),
        Intruder::Postgres(_) if TEXTS.contains(&column) => format!("convert_to({column}, 'UTF8')"),
        Intruder::Postgres(_) => column.to_owned(),
    };
    let statement = AssertSqlSafe(format!("SELECT {bytes} AS bytes FROM act WHERE number = $1"));
    on!(intruder, conn => sqlx::query(statement).bind(number).fetch_one(conn).await.expect("a row").get("bytes"))
}

/// Puts `bytes` into a column, as a text where the column holds one, even if they are none. Says whether the
/// database took them: PostgreSQL holds no text that is none.
async fn put(intruder: &mut Intruder, (column, number): (&str, i64), bytes: &[u8]) -> bool {
    let value = match intruder {
        Intruder::Sqlite(_) if TEXTS.contains(&column) => "CAST($1 AS TEXT)",
        Intruder::Postgres(_) if TEXTS.contains(&column) => "convert_from($1, 'UTF8')",
        Intruder::Sqlite(_) | Intruder::Postgres(_) => "$1",
    };
    let statement = AssertSqlSafe(format!("UPDATE act SET {column} = {value} WHERE number = $2"));
    let done = on!(intruder, conn => sqlx::query(statement).bind(bytes).bind(number).execute(conn).await.map(drop));
    match (done, intruder) {
        (Ok(()), _) => true,
        (Err(error), Intruder::Postgres(_)) => {
            assert!(error.to_string().contains("invalid byte sequence"), "{error}");
            false
        }
        (Err(error), Intruder::Sqlite(_)) => panic!("{error}"),
    }
}

async fn any_byte_changed_in_any_text_or_hash_of_any_row_is_found(kind: Kind) {
    let world = log(kind).await;
    let mut intruder = intruder(&world).await;
    let mut tried = 0;
    for number in 1..=ROWS {
        for column in TEXTS.into_iter().chain(["previous", "hash"]) {
            let why = if column == "previous" { Fault::Unlinked } else { Fault::Changed };
            let original = bytes(&mut intruder, column, number).await;
            for at in 0..original.len() {
                let mut changed = original.clone();
                changed[at] ^= 1 << (at % 8);
                if put(&mut intruder, (column, number), &changed).await {
                    assert_broken(&world, number, why, &format!("{column} at {at}")).await;
                }
                tried += 1;
            }
            let longer = [original.as_slice(), b"x"].concat();
            assert!(put(&mut intruder, (column, number), &longer).await);
            assert_broken(&world, number, why, &format!("{column} longer")).await;
            assert!(put(&mut intruder, (column, number), &original).await);
        }
    }
    assert!(tried > 500, "{tried}");
    assert!(world.verified(None).await.is_ok(), "all was put back");
}

async fn any_bit_changed_in_any_number_of_any_row_is_found(kind: Kind) {
    let world = log(kind).await;
    let mut intruder = intruder(&world).await;
    for number in 1..=ROWS {
        for column in INTEGERS {
            let statement = format!("SELECT {column} FROM act WHERE number = $1");
            let statement = AssertSqlSafe(statement);
            let original: i64 =
                on!(intruder, conn => sqlx::query_scalar(statement).bind(number).fetch_one(conn).await).expect("it");
            for bit in 0..64 {
                let changed = original ^ (1 << bit);
                if column == "number" && (1..=ROWS).contains(&changed) {
                    continue;
                }
                let now = if column == "number" { changed } else { number };
                run(&mut intruder, &format!("UPDATE act SET {column} = {changed} WHERE number = {number}")).await;
                let found = world.verified(None).await.expect_err("found").number;
                run(&mut intruder, &format!("UPDATE act SET {column} = {original} WHERE number = {now}")).await;
                // A row with a number below the first stands where the first should.
                let expected = if column == "number" && changed < 1 { 1 } else { number };
                assert_eq!(i64::try_from(found), Ok(expected), "bit {bit} of {column}");
            }
        }
    }
    assert!(world.verified(None).await.is_ok(), "all was put back");
}

async fn an_act_taken_out_or_moved_is_found(kind: Kind) {
    let world = log(kind).await;
    let mut intruder = intruder(&world).await;
    run(&mut intruder, "DELETE FROM act WHERE number = 2").await;
    assert_broken(&world, 2, Fault::Missing, "taken out").await;
    run(&mut intruder, "UPDATE act SET number = number - 1 WHERE number > 2").await;
    assert_broken(&world, 2, Fault::Unlinked, "the gap closed").await;
    run(&mut intruder, "DELETE FROM act WHERE number = 1").await;
    assert_broken(&world, 1, Fault::Missing, "the first taken out").await;
}

async fn replacing_a_row_in_one_statement_is_found_too(kind: Kind) {
    let world = log(kind).await;
    let mut intruder = intruder(&world).await;
    let (insert, or_replace) = match kind {
        Kind::Sqlite => ("INSERT OR REPLACE", ""),
        Kind::Postgres => ("INSERT", "ON CONFLICT (number) DO UPDATE SET subject = excluded.subject"),
    };
    let replace = format!(
        "{insert} INTO act SELECT number, at, concerns, 'cli_2', subject_tenant, source, request_id, verb, target, \
         detail, previous, hash FROM act WHERE number = 3 {or_replace}"
    );
    run(&mut intruder, &replace).await;
    assert_broken(&world, 3, Fault::Changed, "replaced").await;
}

/// What the chain alone cannot know: the end was cut off, or all was written anew.
async fn an_anchor_finds_what_was_cut_off_or_written_anew(kind: Kind) {
    let world = log(kind).await;
    let anchor = world.anchor().await;
    assert_eq!(anchor.number, 4);
    world.write(&[PUT]).await;
    assert_eq!(world.verified(Some(&anchor)).await.map(|it| it.acts), Ok(5));

    let mut intruder = intruder(&world).await;
    run(&mut intruder, "DELETE FROM act WHERE number > 2").await;
    assert_eq!(world.verified(None).await.map(|it| it.acts), Ok(2));
    assert_eq!(world.verified(Some(&anchor)).await, Err(Broken { number: 3, why: Fault::CutOff }));

    world.write(&[Done { target: "another", ..PUT }, PUT, PUT]).await;
    assert_eq!(world.verified(None).await.map(|it| it.acts), Ok(5));
    assert_eq!(world.verified(Some(&anchor)).await, Err(Broken { number: 4, why: Fault::Rewritten }));

    run(&mut intruder, "DELETE FROM act").await;
    assert_eq!(world.verified(Some(&anchor)).await, Err(Broken { number: 1, why: Fault::CutOff }));
    let empty = Anchor { number: 0, hash: [0; 32] };
    assert_eq!(world.anchor().await, empty);
    assert!(world.verified(Some(&empty)).await.is_ok());
}

on_each_database!(
    any_byte_changed_in_any_text_or_hash_of_any_row_is_found,
    any_bit_changed_in_any_number_of_any_row_is_found,
    an_act_taken_out_or_moved_is_found,
    replacing_a_row_in_one_statement_is_found_too,
    an_anchor_finds_what_was_cut_off_or_written_anew,
);
