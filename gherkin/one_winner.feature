Feature: One winner
  Whatever many agents want at once, each item of work goes to exactly one of them.

  Scenario: Of twenty agents that want one item, one gets it
    Given an item of work called "the only one"
    When 20 agents claim it at the same moment
    Then one of them holds it
    And the others were told that somebody else does
    And its history tells of one claim

  Scenario: What is held is refused to everybody else
    Given an item of work called "mine"
    And ada has claimed it
    When ben claims it
    Then ben is refused, because "mine is held by ada"
    And ada holds it

  Scenario: The most urgent work is handed out first, then the oldest
    Given these items of work
      | title  | priority |
      | older  | 5        |
      | newer  | 5        |
      | urgent | 9        |
    When ada claims whatever is best 3 times
    Then ada was given "urgent", "older" and "newer", in this order

  Scenario: Work goes to those who can do it
    Given an item of work called "train" that needs "gpu"
    And ben is an agent
    And ada is an agent that offers "gpu"
    When ben claims whatever is best
    Then ben is told that there is nothing to claim
    When ada claims whatever is best
    Then ada holds "train"
