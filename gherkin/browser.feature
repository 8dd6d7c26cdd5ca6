Feature: The dashboard in a browser
  The same dashboard, served to a browser on the same machine, which needs nothing from anywhere else.

  Scenario: A browser shows the work, obeys a key, and asks no other machine for anything
    Given an item of work called "weave"
    And ada has claimed it
    When the dashboard is opened in a browser
    Then the browser shows "[1 Overview]", "ada" and "weave"
    When the key "2" is pressed in the browser
    Then the browser shows "[2 Work]", "ada" and "weave"
    And the browser has asked no other machine for anything

  Scenario: What happens shows in the browser by itself
    Given an item of work called "weave"
    When the dashboard is opened in a browser
    Then the browser shows "[1 Overview]", "open" and "1"
    When ada claims it
    Then the browser shows "ada", "weave" and "claimed"
