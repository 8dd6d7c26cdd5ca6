Feature: Bad input
  What cannot be understood is refused in one sentence that says what is wrong, and nothing is lost or changed.

  Scenario: A command line that makes no sense is one sentence and changes nothing
    When each of these commands is given
      | command                                          | sentence                           |
      | clam                                             | Did you mean 'claim'?              |
      | claim --agnt ada                                 | no such option: --agnt             |
      | claim                                            | Name one with --agent NAME         |
      | claim "../../etc/passwd" --agent ada             | is not a name                      |
      | claim "ev.>" --agent ada                         | is not a name                      |
      | claim "$(touch broken)" --agent ada              | is not a name                      |
      | submit ""                                        | it must have 1 to 200              |
      | submit fine --priority 11                        | a whole number from 0 to 9         |
      | submit fine --lease forever                      | a time from 1s to 24h              |
      | submit fine --body "{broken"                     | JSON                               |
      | progress it --agent ada --fraction 2             | 0 to 1                             |
      | tail --from yesterday                            | which names no moment              |
    Then each is refused as wrong, in one sentence that says so
    And nothing was recorded

  Scenario: Many lines are taken together, and none of them while one is wrong
    When these lines are submitted
      """
      hash the README
      {"title": "count lines", "priority": 7}
      {"title": "broken"
      {"title": "odd", "colour": "green"}
      """
    Then lines 3 and 4 are named as wrong
    And there are 0 items
    When these lines are submitted
      """
      hash the README
      {"title": "count lines", "priority": 7}
      """
    Then there are 2 items

  Scenario: A title that plays tricks on a terminal is shown harmlessly
    When an item is submitted whose title clears the screen and turns the text around
    Then the board shows its title without doing so

  Scenario: A wrong setting is named with what is allowed
    When these settings are tried
      | setting                      | sentence                            |
      | lease_seconds = -5           | a time from 1s to 86400s            |
      | server_port = "many"         | a whole number from 0 to 65535      |
      | colour = "green"             | there is no setting 'colour'        |
      | site = "a b"                 | letters, digits                     |
      | site = [                     | is not TOML                         |
    Then each is refused as wrong, in one sentence that says so

  Scenario: A message that is no event is set aside and disturbs nothing
    Given an item of work called "undisturbed"
    When somebody writes to the log what is no event
    Then it is listed among the dead letters, with the reason
    And ada can claim "undisturbed"
    And the tables made anew equal those they replace
