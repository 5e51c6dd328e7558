#!/usr/bin/env bash
# A role and a database for each service, none of which may look into another's. Run once, as a superuser:
# by the first start of the postgres image, or by hand with psql's own variables (PGHOST, PGUSER …).
set -euo pipefail

password=$(cat "${DATABASE_PASSWORD_FILE:-/run/secrets/database-password}")
for service in accounts redirection onboarding customization; do
    # The password comes from the environment: an argument could be read by everybody on the machine.
    PASSWORD="$password" psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --set=service="$service" \
        --username="${POSTGRES_USER:-postgres}" --dbname=postgres <<'SQL'
\set password `printf %s "$PASSWORD"`
CREATE ROLE :"service" LOGIN PASSWORD :'password';
CREATE DATABASE :"service" OWNER :"service" ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
SQL
done
