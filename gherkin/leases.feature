Feature: Leases
  A claim lasts as long as its holder shows signs of life. What an agent abandons, others can take up.

  Scenario: Abandoned work is open to others again
    Given an item of work called "left alone"
    And eve has claimed it for one second
    When eve falls silent
    Then it becomes open again
    And its history tells that a claim ran out
    And ben can claim it

  Scenario: Progress keeps a claim
    Given an item of work called "long"
    And ada has claimed it for a few seconds
    When ada reports progress again and again, for longer than that
    Then ada holds it
    And its history tells of one claim

  Scenario: A sign of life keeps everything an agent holds
    Given an item of work called "first"
    And ada has claimed it for a few seconds
    And an item of work called "second"
    And ada has claimed it for a few seconds
    When ada shows again and again, for longer than that, that she lives
    Then ada holds "first"
    And ada holds "second"
