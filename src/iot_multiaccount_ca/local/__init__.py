"""The local AWS for rehearsals and tests (extra ``local``). Nothing else imports it but the command line."""
