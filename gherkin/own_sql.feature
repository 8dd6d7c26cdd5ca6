Feature: One's own SQL
  Anybody may ask the tables in SQL, and no statement can read, write or break anything else.

  Scenario: One's own statement is answered, and one that reaches beyond the tables is refused in a sentence
    Given 3 items of work that nobody does
    When "SELECT status, count(*) AS items FROM work GROUP BY status" is asked in SQL
    Then the answer is "open" and 3, and says of which position it is
    When each of these statements is asked in SQL
      | statement                                 | sentence                                |
      | SELECT * FROM read_csv('/etc/passwd')     | it may reach beyond the tables          |
      | COPY work TO 'stolen.csv'                 | is not taken; one SELECT is             |
    Then each is refused in one sentence that says so, and leaves nothing behind
