Feature: Planned work
  Work has its order: what it needs first, when it may begin, how often it is tried, and beside how many of its kind.

  Scenario: What depends on other work waits until that is completed
    Given an item of work called "build"
    And an item of work called "test" that depends on "build"
    When ada claims it
    Then ada is refused, because "waits for build"
    When ada claims whatever is best
    Then ada holds "build"
    When ada completes it
    And ada claims whatever is best
    Then ada holds "test"

  Scenario: Work cannot wait for itself
    Given an item of work called "first"
    And an item of work called "second" that depends on "first"
    When somebody has "first" depend on "second"
    Then that is refused, because "first -> second -> first"

  Scenario: Many items are taken in together or not at all
    When these lines are submitted
      """
      {"title": "load", "id": "load"}
      {"title": "clean", "id": "clean", "after": ["load"]}
      {"title": "report", "id": "report", "after": ["clean", "unheard-of"]}
      """
    Then that is refused, because "unheard-of"
    And there are 0 items

  Scenario: Work that fails is tried again after a rest, and then parked
    Given an item of work called "flaky" that may be tried 2 times
    And ada has claimed it
    When ada gives it up, saying "the network is down"
    Then it is open
    When ada waits for whatever is best
    Then ada holds "flaky"
    When ada gives it up, saying "the network is down"
    Then it is parked
    And it is listed as parked
    When ada claims whatever is best
    Then ada is told that there is nothing to claim
    When it is requeued
    Then ben can claim it

  Scenario: Work is not begun before its time
    Given an item of work called "later" that must not begin for 2 seconds
    When ada claims it
    Then ada is refused, because "waits for its time"
    When ada waits for whatever is best
    Then ada holds "later"

  Scenario: Of one key no more are held than its limit says
    Given an item of work called "migrate one" of the key "database"
    And an item of work called "migrate two" of the key "database"
    When ada claims whatever is best
    Then ada holds "migrate one"
    When ben claims "migrate two"
    Then ben is refused, because "the concurrency key database"
    When ada completes "migrate one"
    Then ben can claim "migrate two"

  Scenario: The same key is the same item, however often it is submitted
    When "nightly report" is submitted 3 times with the idempotency key "night/2026-11-29"
    Then each time the same item was named
    And there is 1 item

  Scenario: A team holds no more than its limit
    Given the team "red" may hold 1 item at once
    And an item of work called "red one" for the team "red"
    And an item of work called "red two" for the team "red"
    And ada is an agent of the team "red"
    And ben is an agent of the team "red"
    When ada claims whatever is best
    Then ada holds "red one"
    When ben claims whatever is best
    Then ben is told that there is nothing to claim

  Scenario: Somebody blocks work, lets it go again, and makes it urgent
    Given an item of work called "licence"
    And an item of work called "other"
    When "licence" is blocked, because "legal looks at it"
    And ada claims it
    Then ada is refused, because "legal looks at it"
    When "licence" is unblocked
    And "licence" is given the priority 9
    And ada claims whatever is best
    Then ada holds "licence"

  Scenario: What was done wrongly is opened again
    Given an item of work called "sums"
    And ada has claimed it
    And ada has completed it
    When "sums" is opened again, because "the sum is wrong"
    Then it is open
    And its history tells the reason "the sum is wrong"
    And ben can claim it

  Scenario: The order of claims explains itself
    Given these items of work
      | title  | priority |
      | low    | 2        |
      | high   | 8        |
    And an item of work called "waiting" that depends on "low"
    When ada asks why
    Then "high" and "low" are told in this order, with their scores
    When somebody asks why "waiting" waits
    Then the answer tells "waits for low"
